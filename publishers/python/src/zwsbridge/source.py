"""Source: the name and the numbers under which a publisher's events travel.

`src` names one life of the counters: whenever they are forgotten it changes, so that no number is ever used twice.

Thread: not safe; the publisher's lock guards every call.
"""

from __future__ import annotations

import json
import secrets
from typing import Callable

from zwsbridge.topic import encode_topic

MAX_KEY_BYTES = 255

_NUMBER = b',"seq":'


class Counter:
    """One topic under one `src`: its name as it travels, and the numbers of its events."""

    __slots__ = ("first", "keeps", "seq", "src", "topic")

    def __init__(self, src: str, topic: bytes, keeps: bool) -> None:
        self.src = src
        self.topic = topic
        self.keeps = keeps  # for bridges that ask again
        self.first = 1  # of those that are kept
        self.seq = 0  # of the newest


class Source:
    def __init__(self, max_topics: int, keeps: bool, at_end: Callable[[str, dict[str, Counter]], None]) -> None:
        """`keeps`: events are kept, but for those whose topic is a name of the bridge's own.

        at_end: given a `src` and those of its counters whose events are kept, before all are forgotten.
        """
        self.max_topics = max_topics
        self._keeps = keeps
        self._at_end = at_end
        self.src = ""
        self.counters: dict[str, Counter] = {}  # this very object, for ever
        self.kept: dict[str, Counter] = {}  # those of them whose events are kept; another object for each `src`
        self.begin_anew()

    def begin_anew(self) -> None:
        self._at_end(self.src, self.kept)
        self.src = secrets.token_urlsafe(12)
        self.header_start = b'{"src":"%b"%b' % (self.src.encode(), _NUMBER)
        self.kept = {}  # not emptied: it may be held on to
        self.counters.clear()

    def add(self, topic: str) -> Counter:
        """A counter for a topic that has none. Raises TypeError or ValueError for what cannot be a topic."""
        name = encode_topic(topic)
        if len(self.counters) >= self.max_topics:
            self.begin_anew()
        counter = Counter(self.src, name, self._keeps and not topic.startswith("@"))
        if counter.keeps:
            self.kept[topic] = counter
        self.counters[topic] = counter
        return counter


def number_in(header: bytes) -> int:
    """The seq in a header that begins as one of ours."""
    start = header.index(_NUMBER) + len(_NUMBER)
    return int(header[start : header.index(b",", start)])


def key_member(key: str) -> bytes:
    """The header's last member. Raises TypeError or ValueError for what cannot be a key."""
    if not isinstance(key, str):
        raise TypeError(f"key must be str, not {type(key).__name__}")
    size = len(key.encode())
    if size > MAX_KEY_BYTES:
        raise ValueError(f"key must be up to {MAX_KEY_BYTES} bytes of UTF-8, not {size}")
    return b',"key":' + json.dumps(key).encode()
