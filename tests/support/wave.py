"""What must hold whatever strangers do: one fixture of invariants around a hostile story."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable

from support.bridge import DAEMON, Bridge
from support.producer import Producer
from support.witnesses import Witnesses

MIB = 1 << 20
SANITIZED = any(kind in str(DAEMON) for kind in ("/asan/", "/tsan/"))
GROWTH_MAX = (256 if SANITIZED else 30) * MIB  # a sanitizer keeps what was freed for a while
HEALTH_SECONDS_MAX = 5.0 if SANITIZED else 1.0
WITNESSES = 50
HANDFUL = 20  # events that are published before the witnesses are asked for them


class Wave:
    """`with Wave(bridge, producer) as wave: ...`: while the story runs, witnesses see every event of a stream once and
    in order, and /healthz answers within a second. When it is over the process is the same, what it held is given
    back, the sums are exact, and the log holds neither tokens nor control characters."""

    def __init__(self, bridge: Bridge, producer: Producer) -> None:
        self.bridge = bridge
        self.answers = True  # set it to False for a story in which the bridge cannot answer at all
        self._witnesses = Witnesses(bridge, producer, "witnessed", WITNESSES)
        self._delivered = bridge.metric("zws_deliveries_total")
        self._witnesses.see(HANDFUL)
        self._pid = bridge.pid
        self._over = threading.Event()
        self._failures: list[BaseException] = []
        self._slowest = 0.0
        self._before = self._holdings()
        self._threads = [threading.Thread(target=self._guarded, args=(act,)) for act in (self._stream, self._look)]

    @property
    def published(self) -> int:
        """How far the witnesses' stream is."""
        return self._witnesses.published

    def __enter__(self) -> Wave:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        try:
            if kind is None:
                self._judge()
        finally:
            self._witnesses.close()

    # ---- meanwhile ----

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            while not self._over.is_set():
                act()
        except BaseException as failure:
            self._failures.append(failure)

    def _stream(self) -> None:
        self._witnesses.see(HANDFUL)

    def _look(self) -> None:
        began = time.monotonic()
        status = self.bridge.get("/healthz").status
        assert status == 200, status
        if self.answers:
            self._slowest = max(self._slowest, time.monotonic() - began)
        self._over.wait(0.05)

    # ---- afterwards ----

    def _holdings(self) -> tuple[float, int]:
        resident = self.bridge.metric("process_resident_memory_bytes")
        return resident, len(os.listdir(f"/proc/{self.bridge.pid}/fd"))

    def _judge(self) -> None:
        bridge = self.bridge
        if self._failures:
            raise self._failures[0]
        assert bridge.running and bridge.pid == self._pid
        assert self._slowest <= HEALTH_SECONDS_MAX, f"/healthz took {self._slowest:.2f} s"
        bridge.wait_metric("zws_connections", WITNESSES)
        self._witnesses.see(HANDFUL)
        bridge.wait_metric("zws_queue_bytes", 0)
        # A delivery is counted once it is written: its client may have it before.
        bridge.wait_metric("zws_deliveries_total", self._delivered + WITNESSES * self._witnesses.published)
        bridge.wait_until(lambda: abs(self._holdings()[1] - self._before[1]) <= 2, "descriptors are as before")
        bridge.wait_until(lambda: self._holdings()[0] <= self._before[0] + GROWTH_MAX, "memory is given back")
        log = "\n".join(bridge.log.lines)
        assert "eyJ" not in log, "a token is in the log"
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", log), "a control character is in the log"
