"""AsyncPublisher: the verbs of Publisher for asyncio.

Publishing takes microseconds and never waits, so it runs on the event loop itself; only
waiting for a bridge and closing give way to other tasks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

from zwsbridge.options import Options, Unpack
from zwsbridge.publisher import Publisher


class AsyncPublisher:
    """Takes what Publisher takes, and its methods mean what they mean there. May be made without a running loop."""

    def __init__(self, endpoint: str | Sequence[str] | None = None, **options: Unpack[Options]) -> None:
        self._publisher = Publisher(endpoint, **options)

    async def publish(self, topic: str, message: object, *, key: str | None = None) -> bool:
        return self._publisher.publish(topic, message, key=key)

    async def send_import_progress(self, task_id: str, progress: Mapping[str, Any]) -> bool:
        return self._publisher.send_import_progress(task_id, progress)

    async def send_wallet_update(self, wallet_address: str, data: Mapping[str, Any]) -> bool:
        return self._publisher.send_wallet_update(wallet_address, data)

    async def send_notification(
        self, notification: Mapping[str, Any], target_users: Iterable[str] | None = None
    ) -> bool:
        return self._publisher.send_notification(notification, target_users)

    async def send_system_status(self, data: Mapping[str, Any]) -> bool:
        return self._publisher.send_system_status(data)

    async def broadcast(self, message: object) -> bool:
        return self._publisher.broadcast(message)

    @property
    def ready(self) -> bool:
        return self._publisher.ready

    async def wait_ready(self, timeout: float | None = None) -> bool:
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._publisher.ready:
            if deadline is not None and time.monotonic() >= deadline:
                self._publisher._warn_not_ready(timeout)
                return False
            await asyncio.sleep(0.005)
        return True

    @property
    def dropped(self) -> int:
        return self._publisher.dropped

    @property
    def src(self) -> str:
        return self._publisher.src

    @property
    def closed(self) -> bool:
        return self._publisher.closed

    async def flush(self, timeout: float | None = None) -> bool:
        """Other tasks run while the waiting events leave."""
        return await asyncio.get_running_loop().run_in_executor(None, self._publisher.flush, timeout)

    async def close(self, linger: float | None = None) -> None:
        """Other tasks run while the waiting events leave."""
        await asyncio.get_running_loop().run_in_executor(None, self._publisher.close, linger)

    async def __aenter__(self) -> AsyncPublisher:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return repr(self._publisher).replace("Publisher", "AsyncPublisher", 1)
