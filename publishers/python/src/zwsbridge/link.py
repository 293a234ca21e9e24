"""Link: the ZeroMQ sockets of one publisher, and what bridges asked them for.

Thread:   not safe; the publisher's lock guards every call.
Lifetime: belongs to the process that made it; a forked child must leave it alone. One that is dropped without close()
          closes itself, and gives what waits its `linger`.
"""

from __future__ import annotations

import errno
import os
import time
import weakref
from collections.abc import Iterable, Sequence
from typing import Callable, Union

import zmq

Key = Union[str, bytes]  # Z85
# send(bytes, flags) of one socket. Raises zmq.Again when the queue is full.
Send = Callable[[bytes, int], object]

# A bridge whose machine has gone sends no FIN. Silence for this long ends the connection, and a new one is tried.
_HEARTBEAT_MS = 10_000
_SILENCE_MS = 30_000
_LONGEST = 2_000_000  # seconds: 23 days, and for ever is no longer. ZeroMQ counts milliseconds in 32 bits.
# What a bridge may make this process hold: the size of one subscription, and how many are remembered (those beyond are
# served, but nobody waits for them).
_SUBSCRIPTION_BYTES = 4096
_SUBSCRIPTIONS = 4096
# More than a context of ZeroMQ opens, and a socket of it with its monitor and connection.
_DESCRIPTORS = 12
_DESCRIPTORS_OF_SOCKET = 4


def checked_endpoints(endpoint: str | Sequence[str]) -> tuple[str, ...]:
    if not isinstance(endpoint, (str, Iterable)):
        raise TypeError(f"an endpoint must be str, not {type(endpoint).__name__}")
    endpoints = (endpoint,) if isinstance(endpoint, str) else tuple(endpoint)
    if not endpoints:
        raise ValueError("at least one endpoint is needed")
    for one in endpoints:
        if not isinstance(one, str):
            raise TypeError(f"an endpoint must be str, not {type(one).__name__}")
    return endpoints


class Curve:
    """CURVE keys in Z85. The bridge is always the CURVE server, whichever side binds."""

    @staticmethod
    def of(server_key: Key | None, secret_key: Key | None) -> Curve | None:
        if server_key is None:
            if secret_key is not None:
                raise ValueError("curve_secret_key needs curve_server_key, the public key of the bridge")
            return None
        return Curve(server_key, secret_key)

    def __init__(self, server_key: Key, secret_key: Key | None) -> None:
        if not zmq.has("curve"):
            raise RuntimeError("this libzmq was built without CURVE")
        self.server = _z85("curve_server_key", server_key)
        if secret_key is None:
            self.public, self.secret = zmq.curve_keypair()
        else:
            self.secret = _z85("curve_secret_key", secret_key)
            self.public = zmq.curve_public(self.secret)


def _z85(name: str, key: Key) -> bytes:
    if not isinstance(key, (str, bytes)):
        raise TypeError(f"{name} must be str or bytes, not {type(key).__name__}")
    encoded = key.encode() if isinstance(key, str) else key
    try:
        if len(encoded) == 40:
            zmq.curve_public(encoded)  # refuses what is not Z85
            return encoded
    except zmq.ZMQError:
        pass
    raise ValueError(f"{name} must be 40 characters of Z85")  # never the value: it may be the secret


def new_context(sockets: int) -> zmq.Context[zmq.Socket[bytes]]:
    """Raises OSError where there are too few descriptors for it: libzmq would end the whole program."""
    spare: list[int] = []
    try:
        for _ in range(_DESCRIPTORS + _DESCRIPTORS_OF_SOCKET * sockets):
            spare.append(os.open(os.devnull, os.O_RDONLY))
    finally:
        for descriptor in spare:
            os.close(descriptor)
    return zmq.Context()


class Link:
    def __init__(
        self, endpoints: Sequence[str], bind: bool, queue_size: int, linger: float, curve: Curve | None
    ) -> None:
        self._context = new_context(len(endpoints))
        self.was_used = False  # set before close() where anything was sent, by `sends`
        self._sockets: list[zmq.Socket[bytes]] = []
        self._prefixes: list[set[bytes]] = []
        try:
            for endpoint in endpoints:
                # One socket for each endpoint: a bridge that hangs fills its own queue and nobody else's.
                socket = self._context.socket(zmq.XPUB)
                self._sockets.append(socket)
                self._prefixes.append(set())
                _set_options(socket, endpoint, queue_size, linger, curve)
                attach(socket, endpoint, bind)
        except BaseException:
            self._context.destroy(linger=0)
            raise
        # Not left to the garbage collector: in a cycle it has a context forget its sockets before it ends it, and that
        # end waits for them for ever.
        self._at_end = weakref.finalize(self, _close_dropped, os.getpid(), self._context, self._sockets)
        self._at_end.atexit = False  # the publisher sees to that
        # pyzmq's Socket.send in Python costs twice what the send under it does.
        self.sends: list[Send] = [super(zmq.Socket, socket).send for socket in self._sockets]

    def look(self) -> bool:
        """Reads what bridges sent. True while each endpoint has a subscriber."""
        for socket, prefixes in zip(self._sockets, self._prefixes):
            while int(socket.get(zmq.EVENTS)) & zmq.POLLIN:
                asked = socket.recv(zmq.NOBLOCK)
                if asked[:1] == b"\x01" and len(prefixes) < _SUBSCRIPTIONS:
                    prefixes.add(asked[1:])
                elif asked[:1] == b"\x00":
                    prefixes.discard(asked[1:])
        return all(self._prefixes)

    @property
    def has_subscriber(self) -> bool:
        """Whether any bridge had subscribed at the last look."""
        return any(self._prefixes)

    def close(self, linger: float) -> bool:
        """Returns when all has left, at the latest after `linger` seconds; False when it took that long.

        With no time at all ZeroMQ throws away what waits, and does not say whether anything did.
        """
        started = time.monotonic()
        for socket in self._sockets:
            socket.close(linger=milliseconds(linger))
        self._context.term()
        self._at_end.detach()
        return time.monotonic() - started < linger or not self.was_used


def _close_dropped(pid: int, context: zmq.Context[zmq.Socket[bytes]], sockets: list[zmq.Socket[bytes]]) -> None:
    if os.getpid() == pid:
        for socket in sockets:
            socket.close()
        context.term()


def milliseconds(seconds: float) -> int:
    return round(1000 * min(max(0.0, seconds), _LONGEST))


def _set_options(socket: zmq.Socket[bytes], endpoint: str, queue_size: int, linger: float, curve: Curve | None) -> None:
    socket.sndhwm = queue_size
    socket.linger = milliseconds(linger)
    # Without it a full queue swallows events silently; with it send() says so and the event is counted.
    socket.setsockopt(zmq.XPUB_NODROP, 1)
    # Unbounded: an engine that finds this queue full stops reading, and libzmq aborts when its connection then breaks.
    # A bridge that comes back costs 64 bytes for each of its subscriptions until this publisher is used again.
    socket.rcvhwm = 0
    socket.setsockopt(zmq.MAXMSGSIZE, _SUBSCRIPTION_BYTES)
    set_connection_options(socket, endpoint, curve)


def set_connection_options(socket: zmq.Socket[bytes], endpoint: str, curve: Curve | None) -> None:
    socket.setsockopt(zmq.HEARTBEAT_IVL, _HEARTBEAT_MS)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, _SILENCE_MS)
    socket.setsockopt(zmq.HEARTBEAT_TTL, _SILENCE_MS)
    socket.setsockopt(zmq.RECONNECT_IVL, 100)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)
    # Only for IPv6 addresses: with it "localhost" would mean ::1 alone.
    socket.setsockopt(zmq.IPV6, int("[" in endpoint))
    if curve is not None:
        socket.curve_serverkey = curve.server
        socket.curve_publickey = curve.public
        socket.curve_secretkey = curve.secret


def attach(socket: zmq.Socket[bytes], endpoint: str, bind: bool) -> None:
    try:
        if bind:
            socket.bind(endpoint)
        else:
            socket.connect(endpoint)
    except zmq.ZMQError as error:
        if error.errno in (errno.EINVAL, zmq.EPROTONOSUPPORT, zmq.ENOCOMPATPROTO):
            raise ValueError(f"{endpoint!r} is not a ZeroMQ endpoint such as tcp://127.0.0.1:5556") from None
        raise OSError(error.errno, f"{zmq.strerror(error.errno or 0)}: {endpoint}") from None
