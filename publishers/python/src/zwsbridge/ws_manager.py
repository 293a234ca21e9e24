"""In place of an in-process WebSocket manager: the same awaited calls, one import changed.

    from zwsbridge import ws_manager

    await ws_manager.send_import_progress(task_id="task-123", progress={"status": "processing", "progress": 50.0})

The first call connects to the bridge at $ZWS_ENDPOINT (default tcp://127.0.0.1:5556), or as configure() said, and
gives it a second to answer, so that the first event arrives too. Without a bridge the calls still return: they say
False, and a line in the log says why. Threads may each have their own event loop.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from zwsbridge.async_publisher import AsyncPublisher
from zwsbridge.options import Options, Unpack

_FIRST_WAIT = 1.0  # seconds

_lock = threading.Lock()
_publisher: AsyncPublisher | None = None
_greeted = ""  # the `src` for which the wait is over
_endpoint: str | Sequence[str] | None = None
_options: Options = {}


def configure(endpoint: str | Sequence[str] | None = None, **options: Unpack[Options]) -> None:
    """What to connect to, with Publisher's options. To be called before the first event."""
    global _endpoint, _options
    with _lock:
        if _publisher is not None:
            raise RuntimeError("ws_manager is already connected: configure() comes before the first event")
        _endpoint, _options = endpoint, options


async def publish(topic: str, message: object, *, key: str | None = None) -> bool:
    return await (await _connected()).publish(topic, message, key=key)


async def send_import_progress(task_id: str, progress: Mapping[str, Any]) -> bool:
    return await (await _connected()).send_import_progress(task_id, progress)


async def send_wallet_update(wallet_address: str, data: Mapping[str, Any]) -> bool:
    return await (await _connected()).send_wallet_update(wallet_address, data)


async def send_notification(notification: Mapping[str, Any], target_users: Iterable[str] | None = None) -> bool:
    return await (await _connected()).send_notification(notification, target_users)


async def send_system_status(data: Mapping[str, Any]) -> bool:
    return await (await _connected()).send_system_status(data)


async def broadcast(message: object) -> bool:
    return await (await _connected()).broadcast(message)


async def close() -> None:
    """Lets waiting events leave. The next call connects again."""
    global _publisher
    with _lock:
        publisher, _publisher = _publisher, None
    if publisher is not None:
        await publisher.close()


async def _connected() -> AsyncPublisher:
    global _greeted
    publisher = _publisher or _connect()
    if _greeted != publisher.src:  # also the first call in a forked child
        await publisher.wait_ready(_FIRST_WAIT)
        _greeted = publisher.src
    return publisher


def _connect() -> AsyncPublisher:
    global _publisher
    with _lock:
        if _publisher is None:
            _publisher = AsyncPublisher(_endpoint, **_options)
        return _publisher
