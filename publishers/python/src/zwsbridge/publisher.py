"""Publisher: hands events to bridges without ever waiting for one.

An event is sent under one lock by the thread that publishes it. ZeroMQ's own
bounded queue lies behind the send; a second queue, and a thread to empty it,
would add a copy and a wake-up and nothing else.
"""

from __future__ import annotations

import atexit
import logging
import math
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Callable

import zmq

from zwsbridge import message as messages
from zwsbridge.early import Early, Frames
from zwsbridge.kept import Kept
from zwsbridge.link import Curve, Key, Link, Send, checked_endpoints
from zwsbridge.options import Options, endpoint_or_default
from zwsbridge.process import new_mark
from zwsbridge.repair import NEXT_PORT, Repair, repair_endpoints
from zwsbridge.source import Counter, Source, key_member
from zwsbridge.topic import ALL, user_topic

_LAST = int(zmq.NOBLOCK)
_MORE = int(zmq.NOBLOCK | zmq.SNDMORE)
_LOOK_MASK = 255  # a topic looks whether bridges came or left at its first event, and twice in 256
_WARN_EVERY = 10.0  # seconds between two lines about dropped events
_NOTICED = 2.0  # seconds after which bridges know of an event that was dropped: they are told once a second

_log = logging.getLogger("zwsbridge")
_alive: weakref.WeakSet[Publisher] = weakref.WeakSet()
_left_to_parents: list[Link | Repair] = []
_mark = new_mark()  # set where every publisher knows that it belongs to this process
_mark[0] = 1
_locks_of_children: dict[int, threading.Lock] = {}  # by pid: one process uses its own alone


class Publisher:
    """Publishes events to one bridge or several. Never waits: what a full queue cannot take is dropped and counted.

    endpoint: where the bridge listens; None: at $ZWS_ENDPOINT, or on this machine. For several bridges a list: each
        has its own queue, and an event has the same id on every one of them.
    bind: listen at `endpoint` instead, for bridges whose `ingest.connect` names it.
    headers: send src, seq, ts and key with each event, so that a lost event is noticed and told.
    queue_size: how many events may wait for a bridge.
    linger: seconds that close() gives waiting events to leave.
    early_seconds: how long events wait for the first bridge to subscribe; 0: they are dropped at once.
    max_event_bytes: a bigger payload is a ValueError; the bridge's `limits.event_bytes` should be no less.
    max_topics: how many topics are counted; one more, and all are counted anew under a new `src`.
    curve_server_key, curve_secret_key: in Z85, the bridge's public key and this publisher's secret one
        (without it a new pair is made, which bridges accept that let every key in).
    repair: where bridges ask for what they have missed, one endpoint or a list; by default the next port of each tcp
        endpoint that is connected to; None: nowhere.
    repair_bytes: how much of what was sent is kept for them; past it the oldest goes.
    default: makes a value that JSON knows of one that it does not, in place of zwsbridge.json_default.
    dumps: makes JSON of a message, in place of the standard library; orjson.dumps will do.

    Threads may share a publisher. A forked child gets a connection and a `src` of its own at its first use, and a
    pickled one is a new one with the same options. What is still open when the interpreter, or a worker of
    multiprocessing, ends is closed then.
    """

    _lock: threading.RLock  # guards all below
    _sending: (
        bool  # True with the lock held: this was called from inside publish, or from a look that sends early events
    )
    _link: Link | None  # None once closed, and in a forked child until its first use
    _cut: dict[int, Link]  # by the thread that cut it off from all below and will close it
    _leaving: weakref.WeakSet[Link]  # those, and the ones that are being closed
    _sends: Sequence[Send]  # the link's; empty without one
    _ready: bool  # as last looked
    _dropped: int
    _warned: int  # of _dropped, those the log has told
    _warn_at: float
    _dropped_at: float
    _repair: Repair | None  # None without one, once closed, and in a forked child until its first use
    _early: Early | None  # None once a bridge has subscribed, or its time is over
    _pid: int  # the process all this belongs to
    _source: Source
    _counter_of: Callable[[str], Counter | None]

    def __init__(
        self,
        endpoint: str | Sequence[str] | None = None,
        *,
        bind: bool = False,
        headers: bool = True,
        queue_size: int = 10_000,
        linger: float = 1.0,
        early_seconds: float = 5.0,
        max_event_bytes: int = 1024 * 1024,
        max_topics: int = 100_000,
        curve_server_key: Key | None = None,
        curve_secret_key: Key | None = None,
        repair: str | Sequence[str] | None = NEXT_PORT,
        repair_bytes: int = 16 * 1024 * 1024,
        default: messages.Default | None = None,
        dumps: messages.Dumps | None = None,
    ) -> None:
        self._endpoints = checked_endpoints(endpoint_or_default(endpoint))
        if queue_size < 1 or max_topics < 1:
            raise ValueError("queue_size and max_topics must be at least 1")
        if not 0 <= linger < float("inf"):
            raise ValueError("linger must be a number of seconds, 0 or more")
        if not 0 <= early_seconds < float("inf"):
            raise ValueError("early_seconds must be a number of seconds, 0 or more")
        if max_event_bytes < 1:
            raise ValueError("max_event_bytes must be at least 1")
        if repair_bytes < 0:
            raise ValueError("repair_bytes must be 0 or more")
        if repair_endpoints(repair, (), bind) and not headers:
            raise ValueError("repair goes by the numbers in headers, and this publisher sends none")
        if default is not None and dumps is not None:
            raise ValueError(
                "default belongs to the JSON of the standard library: with dumps of your own it has no use"
            )
        self._options: Options = {
            "bind": bind,
            "headers": headers,
            "queue_size": queue_size,
            "linger": linger,
            "early_seconds": early_seconds,
            "max_event_bytes": max_event_bytes,
            "max_topics": max_topics,
            "curve_server_key": curve_server_key,
            "curve_secret_key": curve_secret_key,
            "repair": repair,
            "repair_bytes": repair_bytes,
            "default": default,
            "dumps": dumps,
        }
        self._curve = Curve.of(curve_server_key, curve_secret_key)
        self._configure()
        self._start_anew()
        self._open()
        _alive.add(self)

    # The verbs.

    def publish(self, topic: str, message: object, *, key: str | None = None) -> bool:
        """Sends one event: bytes as they are, any other message as JSON.

        key: a route with `overflow = "conflate"` keeps the newest event of each key.
        Returns False when the event was dropped: the queue was full, or no bridge has subscribed for too long.
        Raises TypeError or ValueError when topic, message or key cannot be sent, RuntimeError after close().
        """
        payload = message if type(message) is bytes else messages.encode(message, self._dumps)
        if len(payload) > self._max_event_bytes:
            raise ValueError(f"an event may have {self._max_event_bytes} bytes (max_event_bytes), not {len(payload)}")
        last_member = b"" if key is None else self._key_member(key)
        if not _mark[0]:  # forked, and nobody told us
            _begin_all_in_child()
        try:
            with self._lock:
                if self._sending and not self._recovered():
                    return self._drop_nested(topic)
                half_sent = False
                header = b""
                try:
                    self._sending = True
                    counter = self._counter_of(topic) or self._add(topic)
                    # A dropped event takes its number too, so that the bridge sees what is missing.
                    counter.seq = seq = counter.seq + 1
                    sends = self._sends or self._open()
                    taken = (self._ready and seq & self._look_mask > 1) or self._look()
                    if self._headers:
                        header = b'%b%d,"ts":%d%b}' % (self._source.header_start, seq, time.time_ns(), last_member)
                    if counter.src is not self._source.src:
                        # A handler has closed or flushed since: the number is of the source before.
                        self._count_dropped(1)
                        if self._closed:
                            raise RuntimeError("this publisher is closed")
                        return False
                    if counter.keeps:
                        self._keep_event(counter, payload, header)
                    if not taken and self._early is not None and self._early.take((counter.topic, payload, header)):
                        self._watch_early()
                        return True
                    half_sent = True
                    try:
                        for send in sends:
                            try:  # Only a message's first part can find the queue full.
                                send(counter.topic, _MORE)
                                if self._headers:
                                    send(payload, _MORE)
                                    send(header, _LAST)
                                else:
                                    send(payload, _LAST)
                            except zmq.Again:
                                taken = False
                    except zmq.ZMQError as error:
                        if not self._was_cut_off(error, self._sends is not sends):
                            raise
                        half_sent = taken = False  # the rest of it has gone with the link
                        if self._closed:
                            raise RuntimeError("this publisher is closed") from None
                    half_sent = False
                    if not taken:
                        self._count_dropped(1)
                finally:
                    self._sending = False
                    if half_sent:  # A KeyboardInterrupt, say. The rest of this message cannot be told from the next.
                        self._cut_off()
        finally:
            if self._cut:
                self._let_go(self._linger, time.monotonic() + self._linger)
        if not taken:
            self._warn_dropped()
        return taken

    def send_import_progress(self, task_id: str, progress: Mapping[str, Any]) -> bool:
        """Tells those who watch `import:{task_id}` how far it is."""
        return self.publish(f"import:{task_id}", messages.import_progress(task_id, progress))

    def send_wallet_update(self, wallet_address: str, data: Mapping[str, Any]) -> bool:
        """One wallet's new data, to `wallet_updates`. The wallet is the key that conflation goes by."""
        key = wallet_address if self._headers else None
        return self.publish("wallet_updates", messages.wallet_update(wallet_address, data), key=key)

    def send_notification(self, notification: Mapping[str, Any], target_users: Iterable[str] | None = None) -> bool:
        """To all who watch `notifications`, or to every connection of each target user: an empty list is nobody."""
        if target_users is None:
            return self.publish("notifications", messages.notification(notification))
        if isinstance(target_users, (str, bytes)):
            raise TypeError("target_users must be a list of users, not one string")
        topics = [user_topic(user) for user in dict.fromkeys(target_users)]
        payload = messages.encode(messages.notification(notification), self._dumps)
        taken = [self.publish(topic, payload) for topic in topics]
        return all(taken)

    def send_system_status(self, data: Mapping[str, Any]) -> bool:
        """The system's state, to `system_status`."""
        return self.publish("system_status", messages.system_status(data))

    def broadcast(self, message: object) -> bool:
        """Reaches every connection, whatever it has subscribed to."""
        return self.publish(ALL, message)

    # The state.

    @property
    def ready(self) -> bool:
        """Whether a bridge has subscribed at each endpoint. One that is restarting still counts: events wait for it."""
        self._begin_in_child()
        with self._lock:
            if self._sending and not self._recovered():
                return self._ready  # a signal handler asks in the middle of this thread's own publish
            return self._look_alone()

    def wait_ready(self, timeout: float | None = None) -> bool:
        """Waits up to `timeout` seconds (None: for ever) until a bridge has subscribed; events before that are lost."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self.ready:
            if deadline is not None and time.monotonic() >= deadline:
                self._warn_not_ready(timeout)
                return False
            time.sleep(0.005)
        return True

    @property
    def dropped(self) -> int:
        """How many events at least one bridge's queue did not take."""
        self._begin_in_child()
        return self._dropped

    @property
    def src(self) -> str:
        """The name under which events are being counted."""
        self._begin_in_child()
        return self._source.src

    @property
    def closed(self) -> bool:
        return self._closed

    def flush(self, timeout: float | None = None) -> bool:
        """Waits up to `timeout` seconds (None: `linger`) until all events have left, and says whether they have.

        For a process that ends without the interpreter's own end, by os._exit. Counts anew under a new `src`.
        """
        return self._part(self._linger if timeout is None else timeout, for_good=False)

    def close(self, linger: float | None = None) -> None:
        """Returns when all waiting events have left, at the latest after `linger` seconds (None: as constructed)."""
        self._part(self._linger if linger is None else linger, for_good=True)

    def __enter__(self) -> Publisher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<zwsbridge.{type(self).__name__} {', '.join(self._endpoints)}{' closed' if self._closed else ''}>"

    def __getstate__(self) -> tuple[tuple[str, ...], Options, Curve | None]:
        return self._endpoints, self._options, self._curve

    def __setstate__(self, state: tuple[tuple[str, ...], Options, Curve | None]) -> None:
        """A new publisher, which connects at its first use: a worker unpickles before it is ready to run."""
        self._endpoints, self._options, self._curve = state
        self._configure()
        self._start_anew()
        _alive.add(self)

    def _configure(self) -> None:
        options = self._options
        self._bind = options["bind"]
        self._look_mask = 0 if self._bind else _LOOK_MASK  # Bound, it has no queue for a bridge that has left.
        self._headers = options["headers"]
        self._queue_size = options["queue_size"]
        self._linger = options["linger"]
        self._early_seconds = options["early_seconds"]
        self._max_event_bytes = options["max_event_bytes"]
        self._max_topics = options["max_topics"]
        is_numbered = self._headers and options["repair_bytes"] > 0
        self._repair_endpoints = repair_endpoints(options["repair"], self._endpoints, self._bind) if is_numbered else ()
        self._dumps = options["dumps"] or messages.dumps_with(options["default"] or messages.json_default)
        self._closed = False

    def _begin_in_child(self) -> None:
        """After a fork of which Python was not told (uWSGI's): the link is the parent's, and maybe the lock is held."""
        pid = os.getpid()
        if pid == self._pid:
            return
        with _locks_of_children.setdefault(pid, threading.Lock()):
            if pid != self._pid:
                _leave_to_parent(self)

    def _part(self, patience: float, for_good: bool) -> bool:
        """Lets waiting events leave, and drops the link. True when all have left."""
        began_at = time.monotonic()
        deadline = began_at + patience
        self._begin_in_child()
        while self._waits_for_bridge() and time.monotonic() < deadline:
            time.sleep(0.005)
        self._warn_dropped(at_end=True)  # of what came before, whose cause is known now
        with self._lock:
            self._closed = self._closed or for_good
            dropped = self._dropped
            self._cut_off()
            none_lost = self._dropped == dropped
            repair = self._repair
            if for_good:
                self._repair = None
        in_time = self._let_go(patience, deadline)
        while self._leaving and time.monotonic() < deadline:  # what other threads let go
            time.sleep(0.005)
        if repair is not None:
            repair.finish(deadline, has_lost=self._dropped_at > began_at - _NOTICED)
            if for_good:
                repair.close(deadline)
        self._warn_dropped(at_end=True)
        return in_time and none_lost and not self._leaving

    def _let_go(self, patience: float, deadline: float) -> bool:
        """Gives what waits in the link that this thread cut off its time, without the lock: others go on publishing.

        True when all has left.
        """
        link = self._cut.pop(threading.get_ident(), None)
        if link is None:
            return True
        try:
            in_time = link.close(max(0.0, deadline - time.monotonic()))
        finally:
            self._leaving.discard(link)
        if not in_time:
            _log.warning("events that still waited after %g s (linger) were given up at %s", patience, self._where())
        return in_time

    # Below, all but _key_member, _warn_... and _where need the lock.

    def _start_anew(self) -> None:
        """As at the start, and in a forked child, where another thread may have held the lock for ever."""
        self._lock = threading.RLock()
        self._sending = False
        self._link = None
        self._cut = {}
        self._leaving = weakref.WeakSet()
        self._sends = ()
        self._ready = False
        self._dropped = 0
        self._dropped_at = -math.inf
        self._warned = 0
        self._warn_at = 0.0
        self._early = None
        self._pid = os.getpid()
        self._repair = None
        self._kept = Kept(self._options["repair_bytes"])
        self._keep_event = self._kept.add
        self._source = Source(self._max_topics, bool(self._repair_endpoints), self._kept.end_source)
        self._counter_of = self._source.counters.get

    def _open(self) -> Sequence[Send]:
        if self._closed:
            raise RuntimeError("this publisher is closed")
        if self._early is None:
            self._early = Early(self._early_seconds, self._queue_size)
        if (
            self._leaving
        ):  # Nothing overtakes it, and it may still have the port. Events wait as those before a bridge do.
            return self._sends
        self._link = Link(self._endpoints, self._bind, self._queue_size, self._linger, self._curve)
        self._sends = self._link.sends
        if self._repair is None and self._repair_endpoints:
            self._repair = Repair(self._repair_endpoints, self._curve, self._kept, self._source, self._lock)
            self._repair.start()
        _close_at_end_of_worker()
        return self._sends

    def _add(self, topic: str) -> Counter:
        counter = self._source.add(topic)
        if self._repair is not None and len(self._source.counters) == 1:
            self._repair.look()
        return counter

    def _cut_off(self) -> None:
        """Begins anew. The caller gives what waits in the link its time, by _let_go, once it is without the lock."""
        if self._link is not None:
            self._link.was_used = self._link.has_subscriber and bool(self._source.counters)
            self._leaving.add(self._link)
            self._cut[threading.get_ident()] = self._link
        self._link = None
        self._sends = ()
        self._ready = False
        self._drop_early()
        self._source.begin_anew()

    def _look_alone(self) -> bool:
        """As _look, and what a signal handler publishes meanwhile does not get between its frames."""
        try:
            self._sending = True
            if not self._sends:
                self._open()
            return self._look()
        finally:
            self._sending = False

    def _look(self) -> bool:
        link = self._link
        try:
            return self._look_at_link()
        except zmq.ZMQError as error:
            if not self._was_cut_off(error, self._link is not link):
                raise
            self._ready = False
            return False

    @staticmethod
    def _was_cut_off(error: zmq.ZMQError, is_another: bool) -> bool:
        """A signal handler has closed or flushed, in the middle of what this thread did with the link."""
        return is_another and error.errno == zmq.ENOTSOCK

    def _look_at_link(self) -> bool:
        self._ready = self._link is not None and self._link.look()
        if self._repair is not None:
            self._repair.start()
        if self._early is not None:
            if self._link is not None and self._link.has_subscriber:
                self._send_early()
            elif self._early.is_over:
                self._drop_early()
        return self._ready

    def _send_early(self) -> None:
        events: deque[Frames] = self._early.events if self._early else deque()
        whole = False
        try:
            while events:
                topic, payload, header = events[0]
                taken = self._ready
                for send in self._sends:
                    try:
                        send(topic, _MORE)
                        send(payload, _MORE if self._headers else _LAST)
                        if self._headers:
                            send(header, _LAST)
                    except zmq.Again:
                        taken = False
                events.popleft()
                if not taken:
                    self._count_dropped(1)
            self._end_early()
            whole = True
        finally:
            if not whole:
                self._cut_off()

    def _drop_early(self) -> None:
        early = self._early
        self._end_early()
        if early is not None:
            self._count_dropped(len(early.events))

    def _end_early(self) -> None:
        self._early = None
        self._kept.is_early = False

    def _count_dropped(self, events: int) -> None:
        if events:
            self._dropped += events
            self._dropped_at = time.monotonic()

    def _watch_early(self) -> None:
        """Nobody may publish again: a thread sees to what waits, and ends with it."""
        self._kept.is_early = True
        if self._early is not None and not self._early.watched:
            try:
                threading.Thread(target=_watch, args=(self,), name="zwsbridge-early", daemon=True).start()
                self._early.watched = True
            except RuntimeError:  # No thread to be had. The next event looks too, tries again, and so does the end.
                pass

    def _waits_for_bridge(self) -> bool:
        with self._lock:
            if self._sending or self._early is None:
                return False
            self._look_alone()
            waits = self._early is not None and bool(self._early.events)
        self._warn_dropped()
        return waits

    def _recovered(self) -> bool:
        """Tells a publish inside of publish (False) from one after an interrupt that cut even the tidying up short."""
        frame = sys._getframe(1).f_back
        while frame is not None:
            if frame.f_code in _senders and frame.f_locals["self"] is self:
                return False
            frame = frame.f_back
        self._cut_off()
        return True

    def _drop_nested(self, topic: str) -> bool:
        """A signal handler or destructor publishes in the middle of this thread's own publish."""
        counter = self._counter_of(topic)
        if counter is not None:
            counter.seq += 1
        self._count_dropped(1)
        return False

    def _key_member(self, key: str) -> bytes:
        if not self._headers:
            raise ValueError("a key travels in the header, and this publisher sends none")
        return key_member(key)

    def _warn_dropped(self, at_end: bool = False) -> None:
        now = time.monotonic()
        if self._dropped == self._warned or (now < self._warn_at and not at_end):
            return
        self._warn_at = now + _WARN_EVERY
        count, self._warned = self._dropped - self._warned, self._dropped
        why = f"the queue of {self._queue_size} is full" if self._ready else "no bridge has subscribed yet"
        _log.warning("%d event(s) dropped: %s at %s", count, why, self._where())

    def _warn_not_ready(self, timeout: float | None) -> None:
        _log.warning("no bridge has subscribed within %g s at %s", timeout, self._where())

    def _where(self) -> str:
        keys = " (with CURVE: is curve_server_key the bridge's, and does it allow this key?)" if self._curve else ""
        return ", ".join(self._endpoints) + keys


_senders = (Publisher.publish.__code__, Publisher._look_alone.__code__)


def _watch(publisher: Publisher) -> None:
    while publisher._waits_for_bridge():
        time.sleep(0.005)


def _leave_to_parent(publisher: Publisher) -> None:
    if publisher._link is not None:
        # Its sockets and threads are the parent's. Kept, because even collecting them would touch them.
        _left_to_parents.append(publisher._link)
    if publisher._repair is not None:
        _left_to_parents.append(publisher._repair)
    _left_to_parents.extend(publisher._cut.values())
    publisher._start_anew()


def _begin_all_in_child() -> None:
    for publisher in list(_alive):
        publisher._begin_in_child()
    _mark[0] = 1


def _after_fork_in_child() -> None:
    for publisher in list(_alive):
        _leave_to_parent(publisher)
    _mark[0] = 1


def _close_all() -> None:
    for publisher in list(_alive):
        publisher.close()


def _flush_all(**_: object) -> None:
    for publisher in list(_alive):
        publisher.flush()


_workers_end: set[tuple[int, str]] = set()  # (pid, module) that will call _close_all


def _close_at_end_of_worker() -> None:
    """A worker of multiprocessing, or of billiard (Celery), may end by os._exit after its module's finalizers."""
    for name in ("multiprocessing", "billiard"):
        util = sys.modules.get(f"{name}.util")
        registered = (os.getpid(), name)
        if util is not None and registered not in _workers_end:
            _workers_end.add(registered)
            at_end = partial(util.Finalize, None, _close_all, exitpriority=0)
            at_end()
            # A worker forgets its finalizers when it begins, and a fork server's has imported the program by then.
            util.register_after_fork(_close_all, lambda _, at_end=at_end: at_end())
    signals = sys.modules.get("celery.signals")
    if signals is not None:  # A child of Celery's pool tells only these that it ends. Twice is once.
        signals.worker_process_shutdown.connect(_flush_all, weak=False)


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
