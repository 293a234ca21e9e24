"""What clients do. Each thread of a `Person` leads one life after another until the soak ends."""

from __future__ import annotations

import json
import random
import threading
from typing import Any

from ledger import RAW, Account, Ledger
from peer import BINARY, CLOSE, LOST, TEXT, Peer

# Families that no two subscriptions of one client share, so that each event has one subscription.
FAMILIES = {
    "old": ["old:1", "old:2", "old:*"],
    "new": ["new:1", "new:*"],
    "disc": ["disc:1", "disc:*"],
    "conf": ["conf:1", "conf:*"],
    "again": ["again:1"],
    "bare": ["bare:1", "bare:2", "bare:*"],
    "raw": ["raw:1"],
    "w": ["w"],
}
BULKY = ["old", "new", "disc", "conf", "bare"]
# How a life may end without anybody having done wrong. 4410 and 4403 may meet everybody here.
EXPECTED = {
    "listen": {4403, 4410},
    "lag": {4403, 4410, 4408, LOST},
    "vanish": {4403, 4410, 4408, LOST},
    "rubbish": {1002, 1003, 1007, 1009, 4400, 4403, 4408, 4410, 4429, LOST},
}
ANSWER_SECONDS = 60.0


def rubbish(some: random.Random) -> bytes:
    """Frames, or not even that, that no client sends."""
    mask = b"\1\2\3\4"
    return some.choice(
        [
            some.randbytes(some.randint(1, 500)),
            bytes([0x80 | TEXT, 5]) + b"plain",  # not masked
            bytes([0x80 | TEXT, 0x80 | 127]) + b"\x7f" + b"\xff" * 7 + mask,  # without end
            bytes([0xF0 | TEXT, 0x80]) + mask,  # reserved bits
            bytes([0x80 | TEXT, 0x80 | 4]) + mask + b"\xff\xfe\xfd\xfc",  # not UTF-8
            bytes([0x80 | BINARY, 0x80]) + mask,
            bytes([0x80 | CLOSE, 0x80 | 1]) + mask + b"x",  # half a code
            bytes([TEXT, 0x80]) + mask + bytes([TEXT, 0x80]) + mask,  # a message inside another
        ]
    )


def nonsense(some: random.Random) -> Any:
    """JSON that is no request."""
    return some.choice(
        [
            {"type": "hello"},
            {"type": "subscribe"},
            {"type": "subscribe", "topic": "a*b"},
            {"type": "subscribe", "topics": ["x"] * 50, "last": 5},
            {"type": "subscribe", "topic": "old:1", "since": ["nobody:5"]},
            {"type": "fetch", "topic": "old:1", "src": "x", "from": 5, "to": 1},
            {"type": "auth", "token": "not.a.token"},
            [1, 2, 3],
            "text",
        ]
    )


class Person:
    def __init__(self, number: int, port: int, token: str, seed: int, account: Account, ended: threading.Event) -> None:
        self.name = f"client {number}"
        self._port = port
        self._token = token
        self._some = random.Random(seed)
        self._account = account
        self._ended = ended
        self._since: dict[str, dict[str, dict[str, int]]] = {}  # by subscription, of the life before

    def run(self) -> None:
        lives = [self._listen, self._lag, self._vanish, self._rubbish, self._flicker]
        while not self._ended.is_set():
            life = self._some.choices(lives, [6, 8, 1, 2, 2])[0]
            try:
                life()
            except OSError as error:  # the bridge, or this client, cut it off: it comes again
                self._account.add(f"cut off: {type(error).__name__}")
            except Exception as error:
                self._account.breach(f"{self.name}: {type(error).__name__}: {error}")
            self._account.add("lives")

    # ---- lives ----

    def _listen(self) -> None:
        """Behaves; comes back with what it knows."""
        with Visit(self, "listen") as visit:
            visit.subscribe(self._choose(list(FAMILIES)), self._since)
            for _ in range(self._some.randint(1, 6)):
                if visit.read(self._some.uniform(0.1, 0.8)):
                    return
                visit.send(self._some.choice([{"type": "ping"}, {"type": "get_stats"}, self._fetch()]))
            self._since = visit.positions()
            visit.say_goodbye()

    def _lag(self) -> None:
        """Takes nothing for a while, talks meanwhile, then reads on; leaves in one way or another."""
        with Visit(self, "lag", receive_buffer=self._some.choice([1024, 4096, 16384])) as visit:
            visit.subscribe(self._choose(BULKY), self._since if self._some.random() < 0.5 else {})
            for _ in range(self._some.randint(1, 4)):
                for _ in range(self._some.randint(1, 5)):
                    visit.send({"type": "ping"})
                    self._ended.wait(self._some.uniform(0.05, 0.5))
                if visit.read(self._some.uniform(0.05, 0.6)):
                    return
            self._since = visit.positions()
            self._leave(visit)

    def _vanish(self) -> None:
        """Stays there and neither reads nor speaks, until the bridge has had enough."""
        with Visit(self, "vanish", receive_buffer=4096) as visit:
            visit.subscribe(self._choose(BULKY), {})
            self._ended.wait(13)  # longer than heartbeat.timeout
            visit.read(ANSWER_SECONDS if not self._ended.is_set() else 1)

    def _rubbish(self) -> None:
        with Visit(self, "rubbish") as visit:
            visit.subscribe(self._choose(list(FAMILIES)), {})
            for _ in range(self._some.randint(1, 80)):
                visit.send(nonsense(self._some))
            if self._some.random() < 0.7:
                visit.peer.send_raw(rubbish(self._some))
            visit.read(1)

    def _flicker(self) -> None:
        """Goes in the middle of a handshake, right after it, or in the middle of a frame."""
        for _ in range(self._some.randint(1, 10)):
            peer = Peer(self._port)
            stage = self._some.randint(0, 3)
            if stage == 0:
                peer.send_raw(b"GET /api/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpg")
            else:
                peer.ask_for_upgrade(self._token)
            if stage >= 2:
                peer.upgraded()
                peer.send({"type": "subscribe", "topics": ["old:1", "disc:1"], "last": 5})
            if stage == 3:
                peer.send_raw(bytes([0x80 | TEXT, 0xFE, 0x10, 0x00, 1, 2, 3, 4]) + b"half of it")
            self._some.choice([peer.reset, peer.close, peer.end_sending])()
            peer.close()
            self._account.add("flickers")

    # ---- choices ----

    def _choose(self, families: list[str]) -> list[str]:
        count = self._some.randint(1, min(4, len(families)))
        return [self._some.choice(FAMILIES[family]) for family in self._some.sample(families, count)]

    def _fetch(self) -> dict[str, Any]:
        return {"type": "fetch", "topic": "kept:1", "last": self._some.randint(1, 20)}

    def _leave(self, visit: Visit) -> None:
        way = self._some.randint(0, 3)
        if way == 0:
            visit.say_goodbye()
        elif way == 1:
            visit.peer.end_sending()
            visit.read(self._some.uniform(0, 1))
        elif way == 2:
            visit.peer.reset()
        # 3: it just closes, with what it has not read


class Visit:
    """One connection of a person."""

    def __init__(self, person: Person, life: str, *, receive_buffer: int = 0) -> None:
        self._account = person._account
        self._life = life
        self._name = f"{person.name} ({life})"
        self._ledger = Ledger(self._account, self._name)
        self._given: dict[str, dict[str, dict[str, int]]] = {}
        self.peer = Peer(person._port, receive_buffer=receive_buffer)
        self.peer.ask_for_upgrade(person._token)
        if (status := self.peer.upgraded()) != 101:
            self.peer.close()
            self._account.add(f"not let in: {status}")
            raise ConnectionRefusedError(status)

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.peer.close()

    def send(self, message: Any) -> None:
        self.peer.send(message)

    def subscribe(self, names: list[str], since: dict[str, dict[str, dict[str, int]]]) -> None:
        """One request each, since only some can be resumed."""
        for name in names:
            request: dict[str, Any] = {"type": "subscribe", "topic": name}
            if name in since and not name.startswith(RAW):
                self._given[name] = since[name]
                texts = {topic: [f"{s}:{n}" for s, n in sources.items()] for topic, sources in since[name].items()}
                request["since"] = texts if name.endswith("*") else texts.get(name, [])
            elif name.startswith(("old", "bare")) and len(names) > 2:
                request["last"] = 5
            self.send(request)

    def read(self, seconds: float) -> int:
        """True if the connection has ended."""
        code = self.peer.read(seconds, self._take)
        if code:
            self._account.closed(self._life, code)
            if code not in EXPECTED[self._life]:
                self._account.breach(f"{self._name}: closed with {code}")
        return code

    def say_goodbye(self) -> None:
        """A close handshake; what was on its way comes before its answer."""
        self.peer.send_frame(CLOSE, b"\x03\xe8")
        code = self.peer.read(ANSWER_SECONDS, self._take)
        self._account.closed(self._life, code)
        if code not in EXPECTED[self._life] | {1000, LOST}:
            self._account.breach(f"{self._name}: its close was answered with {code}")

    def positions(self) -> dict[str, dict[str, dict[str, int]]]:
        known = {name: each.since() for name, each in self._ledger.subscriptions.items()}
        return {name: since for name, since in known.items() if since is not None and not name.startswith("again")}

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == BINARY:
            self._account.add("delivered raw")
            return
        message = json.loads(payload)
        if "@id" in message:
            self._take_event(message)
        elif message["type"] == "gap":
            self._ledger.gap(message)
        elif message["type"] == "subscribed":
            self._ledger.subscribed(message, self._given.get(message["topic"]))

    def _take_event(self, message: dict[str, Any]) -> None:
        topic = message.get("@topic", message["topic"])
        if topic.startswith("kept:"):  # nobody subscribes to it: a fetch brought it
            self._account.add("fetched")
        else:
            self._ledger.event(topic, message["@id"])


class Witness:
    """Listens to the numbered topic from the first event to the last, and must hear each once."""

    def __init__(self, port: int, token: str, account: Account) -> None:
        self.seen = 0
        self.lost = 0  # close code
        self._account = account
        self._peer = Peer(port)
        self._peer.ask_for_upgrade(token)
        assert self._peer.upgraded() == 101
        self._peer.send({"type": "subscribe", "topic": "w"})

    def subscribed(self) -> None:
        ready: list[bool] = []
        take = lambda _, payload: ready.append(True) if b'"subscribed"' in payload else None  # noqa: E731
        self._peer.read(ANSWER_SECONDS, take, lambda: bool(ready))

    def run(self, last: threading.Event, count: list[int]) -> None:
        """Until it has seen all `count[0]` events, which is final once `last` is set; at most a while after that."""
        patience = 0
        while not self.lost and patience < 60 and not (last.is_set() and self.seen >= count[0]):
            patience += last.is_set()
            self.lost = self._peer.read(1, self._take, lambda: last.is_set() and self.seen >= count[0])

    def _take(self, _: int, payload: bytes) -> None:
        if not payload.startswith(b'{"type": "w"'):
            if b'"type":"gap"' in payload:
                self._account.breach(f"a witness was told: {payload.decode()}")
            return
        number = json.loads(payload)["n"]
        if number != self.seen + 1:
            self._account.breach(f"a witness saw {number} after {self.seen}")
        self.seen = number
        self._account.add("seen by witnesses")

    def close(self) -> None:
        self._peer.close()
