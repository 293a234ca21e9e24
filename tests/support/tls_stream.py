"""TLS over a socket that one thread may read while another writes."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import Any


class TlsStream:
    """What `ssl.SSLSocket` is, but for two threads: that one lets them into OpenSSL at the same time, which loses
    what arrives (Python 3.11). All that is not TLS goes to the socket itself."""

    def __init__(self, plain: socket.socket, context: ssl.SSLContext, server_hostname: str = "127.0.0.1") -> None:
        self.plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        while True:
            try:
                self._tls.do_handshake()
                self._send_waiting()
                return
            except ssl.SSLWantReadError:
                self._send_waiting()
                self._receive()
            except ssl.SSLError:
                self._send_waiting()  # an alert, so that the bridge knows why
                plain.close()
                raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)

    def recv(self, _: int) -> bytes:
        """All that has come, so that who waits for the socket to be readable waits for the right thing."""
        come = b""
        while True:
            with self._lock:
                try:
                    while more := self._tls.read(65536):
                        come += more
                    return come
                except ssl.SSLWantReadError:
                    if come:
                        return come
                except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                    return come
            self._receive()

    def sendall(self, data: bytes) -> None:
        with self._sending:
            with self._lock:
                self._tls.write(data)
            self._send_waiting()

    def _send_waiting(self) -> None:
        with self._lock:
            waiting = self._outgoing.read()
        if waiting:
            self.plain.sendall(waiting)

    def _receive(self) -> None:
        received = self.plain.recv(65536)
        with self._lock:
            if received:
                self._incoming.write(received)
            else:
                self._incoming.write_eof()
