"""Source: the name and the numbers under which a publisher's events travel.

`src` names one life of the counters: whenever they are forgotten it changes, so that no number is ever used twice.

Thread: not safe; the publisher's lock guards every call.
"""

from __future__ import annotations

import json
import secrets

from zwsbridge.topic import encode_topic

MAX_KEY_BYTES = 255


class Counter:
    """One topic: its name as it travels, and the number of its newest event."""

    __slots__ = ("seq", "topic")

    def __init__(self, topic: bytes) -> None:
        self.topic = topic
        self.seq = 0


class Source:
    def __init__(self, max_topics: int) -> None:
        self._max_topics = max_topics
        self.counters: dict[str, Counter] = {}  # this very object, for ever
        self.begin_anew()

    def begin_anew(self) -> None:
        self.src = secrets.token_urlsafe(12)
        self.header_start = b'{"src":"%b","seq":' % self.src.encode()
        self.counters.clear()

    def add(self, topic: str) -> Counter:
        """A counter for a topic that has none. Raises TypeError or ValueError for what cannot be a topic."""
        counter = Counter(encode_topic(topic))
        if len(self.counters) >= self._max_topics:
            self.begin_anew()
        self.counters[topic] = counter
        return counter


def key_member(key: str) -> bytes:
    """The header's last member. Raises TypeError or ValueError for what cannot be a key."""
    if not isinstance(key, str):
        raise TypeError(f"key must be str, not {type(key).__name__}")
    size = len(key.encode())
    if size > MAX_KEY_BYTES:
        raise ValueError(f"key must be up to {MAX_KEY_BYTES} bytes of UTF-8, not {size}")
    return b',"key":' + json.dumps(key).encode()
