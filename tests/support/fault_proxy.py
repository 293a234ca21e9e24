"""A TCP proxy that a test can freeze (nothing passes, nothing is closed), thaw, and cut.

As a program, for tests in other languages, it prints its port and then obeys the lines it reads:

    python3 tests/support/fault_proxy.py PORT-OF-THE-BRIDGE
    freeze | thaw | cut
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of no seconds


class FaultProxy:
    """Passes bytes between clients of `port` and 127.0.0.1:`target`, in pieces of `slice_bytes` unless that is 0. All
    methods may be called from any thread."""

    def __init__(self, target: int, *, slice_bytes: int = 0) -> None:
        self._target = target  # a port
        self._slice_bytes = slice_bytes
        self._flows = threading.Event()
        self._flows.set()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._spawn(self._accept)

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def freeze(self) -> None:
        """From now on no byte passes, as in a tunnel. New connections are accepted and hang as well."""
        self._flows.clear()

    def thaw(self) -> None:
        """What was held back passes now."""
        self._flows.set()

    def lead_to(self, target: int) -> None:
        """Connections to come go to another port, as when a name has another address from now on."""
        self._target = target

    def cut(self) -> None:
        """Resets every connection there is."""
        with self._lock:
            sockets, self._sockets = self._sockets, set()
        for each in sockets:
            with contextlib.suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                each.shutdown(socket.SHUT_RD)  # wakes the thread that reads it
            each.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self.thaw()

    def _spawn(self, target: object, *arguments: object) -> None:
        threading.Thread(target=target, args=arguments, daemon=True).start()  # type: ignore[arg-type]

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._spawn(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        self._flows.wait()
        try:
            bridge = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            client.close()
            return
        for each in (client, bridge):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # slices travel as they are
        with self._lock:
            self._sockets |= {client, bridge}
        self._spawn(self._pass, client, bridge)
        self._spawn(self._pass, bridge, client)

    def _pieces(self, data: bytes) -> list[bytes]:
        size = self._slice_bytes or len(data)
        return [data[at : at + size] for at in range(0, len(data), size)]

    # One direction; its end is the end of both, which WebSocket and plain HTTP answers can live with.
    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                for piece in self._pieces(data):
                    sink.sendall(piece)
        self._flows.wait()
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        with self._lock:
            self._sockets -= {source, sink}


def main() -> None:
    with FaultProxy(int(sys.argv[1])) as proxy:
        print(proxy.port, flush=True)
        for line in sys.stdin:
            {"freeze": proxy.freeze, "thaw": proxy.thaw, "cut": proxy.cut}[line.strip()]()
            print("done", flush=True)


if __name__ == "__main__":
    main()
