"""subscribe: events of a bridge as an asynchronous iterator that comes back by itself, with what it missed.

    async for event in zwsbridge.subscribe("ws://127.0.0.1:8000/api/ws", "import:*", last=1):
        print(event.topic, event.message)

Needs the package `websockets`: pip install 'zwsbridge[subscribe]'.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import logging
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Optional, Union
from urllib.parse import urlsplit

from zwsbridge.asking import Asking
from zwsbridge.backoff import Backoff
from zwsbridge.bearer import bare, is_token
from zwsbridge.positions import Positions, matcher
from zwsbridge.reading import read

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

# A JWT, or what gives one, at once or awaited; None where nobody is signed in.
Token = Union[str, Callable[[], Union[Optional[str], Awaitable[Optional[str]]]]]

_UNAUTHORIZED = 4401
_FOR_GOOD = {4400, 4403, 1002, 1003, 1007, 1009}  # close codes after which nobody should come back
_LATER = {1013, 4429}  # close codes after which nobody should come back soon: full, too fast
_LATER_STATUS = {429, 503}  # the same before there is a connection
READ_AHEAD = 16  # events that wait for the loop
TOKEN_PATIENCE = 30.0  # seconds for what gives the token: what it waits for may never come

# What is said of a token in use; the latter when its key was taken out.
_TOKEN_ENDED = ("token_expired", "invalid_token")

_log = logging.getLogger("zwsbridge")


@dataclass(frozen=True)
class SubscribedEvent:
    topic: str
    id: str
    message: dict[str, Any]


@dataclass(frozen=True)
class Gap:
    """Events that this subscriber will not get. `missed` is None where nobody knows how many, or which.

    reason: the bridge's; `not_recovered` after a break; `unreadable`: JSON that is too deep, or a number too long, for
    Python.
    """

    topic: str
    missed: int | None
    reason: str


@dataclass(frozen=True)
class SourceState:
    """What the bridge says of one source of a topic: `alive`, `silent` (late by the route's `expect`), or `lost`."""

    topic: str
    src: str
    state: str
    timestamp: str


# What comes to the loop; all but the first is told aside.
_Item = Union[SubscribedEvent, Gap, SourceState]


class SubscribeError(Exception):
    """What coming back does not mend: a topic or token that was refused, a connection thrown out."""

    def __init__(self, code: str, message: str, topic: str | None = None) -> None:
        super().__init__(f"{topic}: {message} ({code})" if topic else f"{message} ({code})")
        self.code = code
        self.topic = topic


class _TokenFailed(Exception):
    """The function for it has raised. The next time it may not."""


def subscribe(
    url: str | Sequence[str],
    *topics: str,
    last: int = 0,
    token: Token | None = None,
    on_gap: Callable[[Gap], None] | None = None,
    on_source: Callable[[SourceState], None] | None = None,
    max_message_bytes: int = 16 * 1024 * 1024,
) -> AsyncGenerator[SubscribedEvent, None]:
    """The events of these topics and patterns, in order, each once; ends only by SubscribeError.

    url: the bridge's, or those of several that hear the same producers: after each break it goes to the next.
    After a break it comes back and resumes: what was missed comes first. Where that cannot be had, on_gap is told, and
    what comes then to begin with (`last`, a route's `replay`) may have come before.
    last: so many of the newest events to begin with, and where what was missed can no longer be had.
    token: the JWT, or a function that gives one whenever a new one is needed, or None for nobody. What it raises is
    logged, and it is asked again later; so it is where it gives nothing for half a minute, and where that is no token,
    such as the page of a proxy that cannot reach its backend.
    on_gap: is told what will never come, at its place among the events; what it raises comes out of the loop. Without
    it the log is told.
    on_source: is told likewise whether the sources of these topics live: first of each that the bridge knows, again
    after each break, then whatever changes. Without it nothing of them is asked.
    Events of `raw` routes are not taken: they do not say what they are.
    """
    try:
        import websockets.asyncio.client  # noqa: F401
    except ImportError:
        raise ImportError("zwsbridge.subscribe needs websockets: pip install 'zwsbridge[subscribe]'") from None
    urls = (url,) if isinstance(url, str) else tuple(url)
    if not urls:
        raise ValueError("at least one url is needed")
    for one in urls:
        if urlsplit(one).scheme not in ("ws", "wss"):
            raise ValueError(f"{one!r} is not the address of a bridge such as ws://127.0.0.1:8000/api/ws")
    if not topics:
        raise ValueError("at least one topic is needed")
    for topic in topics:
        if not isinstance(topic, str) or not _is_text(topic):
            raise ValueError(f"{topic!r} is neither a topic nor a pattern")
    if last < 0:
        raise ValueError("last must be 0 or more")
    subscriber = _Subscriber(urls, topics, last, token, on_source is not None, max_message_bytes)
    return _Events(subscriber, on_gap or _log_gap, on_source)


def _is_text(topic: str) -> bool:
    """Not with half a surrogate pair, which the bridge would not even answer."""
    try:
        return bool(topic.encode())
    except UnicodeEncodeError:
        return False


def _source_state(topic: str, said: dict[str, Any]) -> SourceState:
    return SourceState(topic, str(said["src"]), str(said["state"]), str(said["timestamp"]))


def _log_gap(gap: Gap) -> None:
    _log.warning("missed %s event(s) of %s: %s", "some" if gap.missed is None else gap.missed, gap.topic, gap.reason)


class _Events(AsyncGenerator[SubscribedEvent, None]):
    """What a loop goes through. Who is cancelled while it waits for an event, as by asyncio.wait_for, loses nothing:
    the connection is another task's.

    Lifetime: from the first event that is asked for until aclose(), or until nobody holds this any more.
    """

    def __init__(
        self,
        subscriber: _Subscriber,
        on_gap: Callable[[Gap], None],
        on_source: Callable[[SourceState], None] | None,
    ) -> None:
        self._subscriber = subscriber
        self._on_gap = on_gap
        self._on_source = on_source
        self._task: asyncio.Task[None] | None = None
        self._is_over = False
        self._is_awaited = False

    async def asend(self, value: None) -> SubscribedEvent:
        if self._is_awaited:
            raise RuntimeError("another task waits for the next event already")
        self._is_awaited = True
        try:
            return await self._next()
        finally:
            self._is_awaited = False

    async def athrow(self, kind: Any, value: Any = None, trace: Any = None, /) -> SubscribedEvent:
        await self.aclose()
        raise kind if value is None else value

    async def aclose(self) -> None:
        self._is_over = True
        if self._is_elsewhere():
            self.__del__()
        elif self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def __del__(self) -> None:
        if self._task is None or self._task.done():
            return
        with contextlib.suppress(RuntimeError):  # the event loop is closed
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)

    def _is_elsewhere(self) -> bool:
        """It has begun in another event loop."""
        return self._task is not None and self._task.get_loop() is not asyncio.get_running_loop()

    async def _next(self) -> SubscribedEvent:
        if self._is_elsewhere():
            raise RuntimeError("this has begun in another event loop, and lives no longer than that: subscribe anew")
        while not self._is_over:
            if self._task is None:
                self._task = self._subscriber.start()
            heard = self._subscriber.heard
            if self._task.done() and heard.empty():
                break
            item = await heard.get()
            if isinstance(item, Gap):
                self._on_gap(item)
            elif isinstance(item, SourceState):
                if self._on_source is not None:
                    self._on_source(item)
            elif isinstance(item, Exception):
                self._is_over = True
                raise item
            elif item is not None:
                return item
        self._is_over = True
        raise StopAsyncIteration


class _Subscriber:
    """Bound: READ_AHEAD of what has been heard; more is left to the connection, and so to the bridge's queue."""

    heard: asyncio.Queue[_Item | Exception | None]  # an exception is the last

    def __init__(
        self,
        urls: tuple[str, ...],
        topics: tuple[str, ...],
        last: int,
        token: Token | None,
        sources: bool,
        max_message_bytes: int,
    ) -> None:
        self._urls = urls
        self._url = urls[0]
        self._breaks = 0
        self._names = dict.fromkeys(topics)
        self._is_mine = matcher(self._names).fullmatch
        self._last = last
        self._token = token
        self._sources = sources
        self._max_message_bytes = max_message_bytes
        self._positions = Positions(self._names, refound=last > 0)
        self._subscribed: set[str] = set()  # names that were subscribed to on any connection
        self._backoff = Backoff()
        self._told: set[tuple[str, object]] = set()  # why there is no connection; cleared by the next
        # Of this connection:
        self._greeted_at: float | None = None
        self._wanted_at = math.inf  # when the bridge wants it to come back, and closes
        self._beside: list[asyncio.Task[None]] = []  # what is done while events are heard
        self._failure: Exception | None = None  # of these

    def start(self) -> asyncio.Task[None]:
        self.heard = asyncio.Queue(READ_AHEAD)  # not before: it is bound to the loop that runs
        return asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        try:
            await self._hear()
        except Exception as error:
            await self.heard.put(error)
        finally:
            if self.heard.empty():
                self.heard.put_nowait(None)  # nobody must wait for what will not come

    async def _hear(self) -> None:
        from websockets.asyncio.client import connect
        from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

        while True:
            later = False
            try:
                token = await self._fresh_token()
                headers = {"Authorization": f"Bearer {token}"} if token else None
                async with connect(
                    self._url, additional_headers=headers, max_size=self._max_message_bytes
                ) as connection:
                    asking = Asking(
                        self._names, self._positions, self._subscribed, self._last, self._sources, connection.send
                    )
                    self._do_beside(connection, asking.run())
                    try:
                        async for text in connection:
                            for item in self._take(connection, asking, text):
                                await self.heard.put(item)
                    finally:
                        await self._end_beside()
                if self._failure is not None:
                    raise self._failure
                later = self._judge(connection.close_code, connection.close_reason)
            except ConnectionClosed as closed:
                rcvd = closed.rcvd
                later = self._judge(rcvd.code if rcvd else None, rcvd.reason if rcvd else "")
            except InvalidStatus as refused:
                status = refused.response.status_code
                later = status in _LATER_STATUS
                if 400 <= status < 500 and status != 408 and not later:
                    raise SubscribeError(str(status), f"{self._url} refused the connection") from None
                self._tell_away(f"it answers {status}", status)
            except _TokenFailed as error:
                _log.warning("no token for %s: %s", self._url, error)
            except (OSError, InvalidHandshake, asyncio.TimeoutError) as error:
                self._tell_away(str(error) or type(error).__name__, type(error))
            if self._greeted_at is not None:
                self._backoff.lasted(time.monotonic() - self._greeted_at)
                self._greeted_at = None
            await asyncio.sleep(self._pause(later))
            self._breaks += 1
            self._url = self._urls[self._breaks % len(self._urls)]

    def _tell_away(self, why: str, kind: object) -> None:
        """Once for each kind of trouble until there is a connection: what never mends must be seen."""
        is_told = (self._url, kind) in self._told
        self._told.add((self._url, kind))
        level = logging.INFO if is_told else logging.WARNING
        _log.log(level, "no connection to %s, I go on trying: %s", self._url, why)

    def _pause(self, later: bool) -> float:
        wanted_in, self._wanted_at = self._wanted_at - time.monotonic(), math.inf
        return max(0.0, min(wanted_in, self._backoff.next(later)))

    async def _fresh_token(self) -> str:
        """Empty for none."""
        given: Any = self._token
        if callable(given):
            try:
                given = given()
                if inspect.isawaitable(given):
                    given = await asyncio.wait_for(given, TOKEN_PATIENCE)
            except Exception as error:
                raise _TokenFailed(f"{type(error).__name__}: {error}") from error
            if isinstance(given, str) and not is_token(bare(given)):  # a page of a proxy's whose backend restarts
                raise _TokenFailed("what the function gave holds characters that no token has")
        token = bare(given) if isinstance(given, str) else given or ""
        if not isinstance(token, str) or not is_token(token):
            raise SubscribeError("invalid_token", "the token is not a string, or holds characters that no token has")
        return token

    async def _renew(self, connection: ClientConnection) -> None:
        try:
            token = await self._fresh_token()
        except _TokenFailed as error:
            _log.warning("no new token for %s: %s", self._url, error)  # the next connection asks again
            return
        if token:
            await connection.send(json.dumps({"type": "auth", "token": token}))

    def _do_beside(self, connection: ClientConnection, work: Coroutine[Any, Any, None]) -> None:
        from websockets.exceptions import ConnectionClosed

        async def run() -> None:
            try:
                await work
            except ConnectionClosed:
                pass  # whoever hears the events is told
            except Exception as error:
                self._failure = error
                await connection.close()

        self._beside.append(asyncio.ensure_future(run()))

    async def _end_beside(self) -> None:
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        self._beside = []

    def _take(self, connection: ClientConnection, asking: Asking, text: str | bytes) -> Iterable[_Item]:
        if isinstance(text, bytes):  # the payload of a raw route, which may look like the bridge's own word
            return ()
        message, is_whole = read(text)
        if message is None:
            return ()
        position = message.get("@id")
        if isinstance(position, str):  # first: a producer may publish an object whose type is "error"
            return self._event(message, position, is_whole)
        kind = message.get("type")
        if kind in ("subscribed", "unsubscribed"):
            return self._answer(asking, message)
        if kind == "gap":
            return self._gap(message)
        if kind == "source":
            return (_source_state(str(message.get("topic")), message),)
        if kind == "connection":
            self._greeted_at = time.monotonic()
            self._told.clear()
        elif kind == "error" and (names := asking.asked_in(message.get("id"))):  # they could not even be answered
            if message.get("code") != "rate_limited":
                raise SubscribeError(str(message.get("code")), str(message.get("message", "")), ", ".join(names))
            asking.too_fast()
        elif kind == "error" and message.get("code") in _TOKEN_ENDED and callable(self._token):
            if self._greeted_at is not None:  # else the connection is about to be closed for it
                self._do_beside(connection, self._renew(connection))
        elif kind == "reconnect":
            self._wanted_at = time.monotonic() + int(message["after_ms"]) / 1000
        return ()

    def _event(self, message: dict[str, Any], position: str, is_whole: bool) -> Iterable[_Item]:
        topic = message.get("@topic", message.get("topic"))
        if not isinstance(topic, str) or not self._is_mine(topic):
            return ()  # such as a broadcast
        self._positions.event(topic, position)
        if not is_whole:
            return (Gap(topic, 1, "unreadable"),)
        return (SubscribedEvent(topic, position, message),)

    def _answer(self, asking: Asking, message: dict[str, Any]) -> Iterable[_Item]:
        name, code = str(message.get("topic")), message.get("code")
        items: list[_Item] = []
        if name not in self._names:
            return items
        if code in ("invalid_message", "limit_exceeded") and asking.may_be_new(name):
            self._positions.useless(name)
        elif code is not None:
            raise SubscribeError(str(code), str(message.get("message", "no longer allowed")), name)
        elif message["type"] == "subscribed":
            self._subscribed.add(name)
            self._positions.subscribed(name, message)
            if asking.answered(name) or message.get("recovered") is False:
                items.append(Gap(name, None, "not_recovered"))
            for known in message.get("sources", ()) if self._sources else ():
                state = "lost" if not known["alive"] else "silent" if known.get("silent") else "alive"
                said = {"src": known["src"], "state": state, "timestamp": known["heard"]}
                items.append(_source_state(str(known.get("topic", name)), said))  # of a pattern each has its topic
        return items

    def _gap(self, message: dict[str, Any]) -> Iterable[_Item]:
        topic = str(message.get("topic"))
        if not self._is_mine(topic):
            return ()
        self._positions.gap(topic, str(message["src"]), int(message["from"]), int(message["to"]))
        return (Gap(topic, int(message["missed"]), str(message.get("reason"))),)

    def _judge(self, code: int | None, reason: str | None) -> bool:
        """Whether to come back later only. Raises where the protocol says not to come back."""
        if code in _FOR_GOOD or (code == _UNAUTHORIZED and not callable(self._token)):
            raise SubscribeError(str(code), reason or "the bridge closed the connection for good")
        _log.info("connection to %s ended: %s %s", self._url, code, reason)
        return code in _LATER
