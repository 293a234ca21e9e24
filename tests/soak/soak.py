#!/usr/bin/env python3
"""Everybody at once, for minutes: see docs/TESTING.md.

    tools/dev soak [--minutes M] [--lanes N] [--seed S] [--preset dev|asan|tsan]

Ends with an account of what was published, delivered, told as missing and explained, and with 0 if nothing is
unexplained, nobody was hurt, and the bridge gave back what it held and exits with 0.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

PERSONS = 24
WITNESSES = 4
MIB = 1 << 20
GROWTH_MAX = {"dev": 30 * MIB}  # what an allocator keeps
GROWTH_MAX_SANITIZED = 256 * MIB  # and a sanitizer's quarantine
SETTLED_SECONDS = 60
HISTORY_BYTES = 8 * MIB  # full early, so that it is no growth
ROUTES = """
[[route]]
match = "new:*"
overflow = "drop_newest"
[[route]]
match = "disc:*"
overflow = "disconnect"
[[route]]
match = "conf:*"
overflow = "conflate"
[[route]]
match = "raw:*"
format = "raw"
[[route]]
match = "bare:*"
replay = 3
"""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/dev soak", description="Clients of every kind, for minutes.")
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--lanes", type=int, default=2, help="server.threads of the bridge")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--preset", choices=["dev", "asan", "tsan"], default="dev", help="which build of the bridge")
    return parser.parse_args()


OPTIONS = arguments()
os.environ.setdefault("ZWSBRIDGE_BIN", str(ROOT / "build" / OPTIONS.preset / "bridge/zwsbridge"))

from ledger import Account  # noqa: E402
from lives import Person, Witness  # noqa: E402
from makers import Administration, Maker, NumberedStream  # noqa: E402

from support.bridge import Bridge  # noqa: E402
from support.tokens import Issuer  # noqa: E402


def settings(lanes: int, issuer: Issuer, folder: Path) -> dict[str, object]:
    return {
        **issuer.settings(folder),
        "server.threads": lanes,
        "server.drain_timeout": "5s",
        "limits.queue_bytes": 256 * 1024,
        "limits.unsent_bytes": 4096,
        "limits.stalled_timeout": "3s",
        "limits.sources_per_topic": 1000,
        "limits.failed_tokens_per_minute": 0,
        "heartbeat.interval": "2s",
        "heartbeat.timeout": "10s",
        "history.bytes": HISTORY_BYTES,
    }


def descriptors(bridge: Bridge) -> int:
    return len(os.listdir(f"/proc/{bridge.pid}/fd"))


class Soak:
    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.account = Account()
        self.ended = threading.Event()  # everybody but the witnesses goes
        self._options = options
        self._seeds = random.Random(options.seed)
        self._issuer = Issuer()
        self.bridge = Bridge(folder, settings(options.lanes, self._issuer, folder), ROUTES)

    def run(self) -> bool:
        self.bridge.start()
        stream = NumberedStream(self.bridge.endpoint, self.ended)
        last = threading.Event()
        witnesses = [Witness(self.bridge.port, self._issuer.token("witness"), self.account) for _ in range(WITNESSES)]
        for witness in witnesses:
            witness.subscribed()
        seeing = self._start([lambda w=witness: w.run(last, stream.count) for witness in witnesses])
        before = self._holdings()
        doing = self._start([stream.run, *self._persons(), *self._makers(), *self._administrators()])
        self._wait()
        self.ended.set()
        for thread in doing:
            thread.join()
        last.set()
        for thread in seeing:
            thread.join()
        self._judge_witnesses(witnesses, stream.count[0])
        if self.bridge.running:
            self._judge_settled(before)
        for witness in witnesses:
            witness.close()
        self._judge_end()
        return self._report(stream.count[0])

    # ---- who is there ----

    def _start(self, acts: list[Callable[[], object]]) -> list[threading.Thread]:
        threads = [threading.Thread(target=act, daemon=True) for act in acts]
        for thread in threads:
            thread.start()
        return threads

    def _seed(self) -> int:
        return self._seeds.randrange(1 << 32)

    def _persons(self) -> list[Callable[[], object]]:
        tokens = [self._issuer.token(f"u{n}") for n in range(1, 5)]
        return [
            Person(n, self.bridge.port, tokens[n % 4], self._seed(), self.account, self.ended).run
            for n in range(PERSONS)
        ]

    def _makers(self) -> list[Callable[[], object]]:
        life = max(3.0, self._options.minutes * 60 / 200)

        def maker() -> Maker:
            return Maker(self.bridge.endpoint, self._seed(), life, self.account, self.ended)

        return [maker().with_headers, maker().with_headers, maker().with_one_src_for_ever, maker().without_headers]

    def _administrators(self) -> list[Callable[[], object]]:
        one = Administration(self.bridge, self._issuer.admin(), self._seed(), self.account, self.ended)
        return [one.call, one.reload, one.look_after]

    def _wait(self) -> None:
        """Until the time is up, or the bridge has ended."""
        until = time.monotonic() + self._options.minutes * 60
        while (rest := until - time.monotonic()) > 0 and self.bridge.running:
            if sys.stdout.isatty():
                sums = self.account.sums
                print(
                    f"\r\x1b[K{rest:4.0f} s, {sums['delivered']} delivered, {sums['breaches']} breaches",
                    end="",
                    flush=True,
                )
            self.ended.wait(min(rest, 0.5))
        if sys.stdout.isatty():
            print("\r\x1b[K", end="")

    # ---- what is asked of the end ----

    def _holdings(self) -> tuple[float, int]:
        return self.bridge.metric("process_resident_memory_bytes"), descriptors(self.bridge)

    def _judge_witnesses(self, witnesses: list[Witness], count: int) -> None:
        for number, witness in enumerate(witnesses):
            if witness.lost:
                self.account.breach(f"witness {number} was closed with {witness.lost}")
            if witness.seen != count:
                self.account.breach(f"witness {number} saw {witness.seen} of {count}")

    def _settles(self, what: str, holds: Callable[[], bool], now: Callable[[], object]) -> None:
        until = time.monotonic() + SETTLED_SECONDS
        while not holds():
            if time.monotonic() > until:
                self.account.breach(f"{what}: {now()} after {SETTLED_SECONDS} s")
                return

    def _judge_settled(self, before: tuple[float, int]) -> None:
        metric = self.bridge.metric
        growth = HISTORY_BYTES + GROWTH_MAX.get(self._options.preset, GROWTH_MAX_SANITIZED)
        self._settles(
            "zws_connections", lambda: metric("zws_connections") == WITNESSES, lambda: metric("zws_connections")
        )
        self._settles("zws_queue_bytes", lambda: metric("zws_queue_bytes") == 0, lambda: metric("zws_queue_bytes"))
        self._settles(
            "zws_subscriptions", lambda: metric("zws_subscriptions") == WITNESSES, lambda: metric("zws_subscriptions")
        )
        self._settles(
            "descriptors", lambda: descriptors(self.bridge) <= before[1] + 3, lambda: descriptors(self.bridge)
        )
        self._settles(
            "memory", lambda: self._holdings()[0] <= before[0] + growth, lambda: f"grown by {self._growth(before)} MiB"
        )

    def _growth(self, before: tuple[float, int]) -> int:
        return int(self._holdings()[0] - before[0]) // MIB

    def _judge_end(self) -> None:
        code = self.bridge.stop() if self.bridge.running else self.bridge.wait()
        if code != 0:
            self.account.breach(f"the bridge ended with {code}; its log ends with\n{self.bridge.log.tail(60)}")
        log = "\n".join(self.bridge.log.lines)
        if "eyJ" in log:
            self.account.breach("a token is in the log")
        if any(ord(c) < 32 and c != "\n" for c in log) and code == 0:
            self.account.breach("a control byte is in the log")

    def _report(self, count: int) -> bool:
        account = self.account
        print(
            f"seed {self._options.seed}, {self._options.lanes} lane(s), {self._options.minutes:g} minutes, {self._options.preset}"
        )
        print(f"  for the witnesses        {count}, each seen {WITNESSES} times")
        for what, sum_ in sorted(account.sums.items()):
            print(f"  {what:<24} {sum_}")
        print(f"  ended                    {', '.join(f'{what}: {n}' for what, n in sorted(account.closes.items()))}")
        print(f"  slowest /healthz         {account.slowest * 1000:.0f} ms")
        for breach in account.breaches:
            print(f"BREACH {breach}")
        print("everything is accounted for" if not account.breaches else f"{account.sums['breaches']} breaches")
        return not account.breaches


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        return 0 if Soak(OPTIONS, Path(folder)).run() else 1


if __name__ == "__main__":
    sys.exit(main())
