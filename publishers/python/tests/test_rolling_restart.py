"""Two bridges on the same producer are restarted one after the other, while subscribers listen."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from typing import Callable

from support.bridge import Bridge

from zwsbridge import Gap, Publisher, subscribe

TOPICS = [f"import:{n}" for n in range(8)]
SUBSCRIBERS = 16


@contextmanager
def publishing(publisher: Publisher) -> Iterator[dict[str, int]]:
    """Numbers the events of each topic until the block ends; the last one of each is `last`."""
    sent = dict.fromkeys(TOPICS, 0)
    ended = threading.Event()

    def publish() -> None:
        while not ended.wait(0.005):
            for topic in TOPICS:
                sent[topic] += 1
                assert publisher.publish(topic, {"type": "step", "n": sent[topic]})

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield sent
    finally:
        ended.set()
        thread.join()
        for topic in TOPICS:
            assert publisher.publish(topic, {"type": "step", "n": sent[topic] + 1, "last": True})


def restart(bridge: Bridge) -> None:
    """As docs/OPERATING.md says: the next one's turn comes when this one hears the producers again."""
    assert bridge.stop() == 0
    bridge.start()
    bridge.wait_metric_at_least("zws_events_received_total", 5 * len(TOPICS))


def test_rolling_restart_loses_nothing_and_doubles_nothing(start_daemon: Callable[..., Bridge]) -> None:
    bridges = [start_daemon(), start_daemon()]
    urls = [bridge.ws_url for bridge in bridges]
    gaps: list[Gap] = []
    listening = threading.Semaphore(0)

    async def listen(first: int) -> dict[str, list[int]]:
        heard: dict[str, list[int]] = {topic: [] for topic in TOPICS}
        waiting = set(TOPICS)
        async with aclosing(subscribe(urls[first:] + urls[:first], "import:*", on_gap=gaps.append)) as events:
            async for event in events:
                if not any(heard.values()):
                    listening.release()
                heard[event.topic].append(event.message["n"])
                if event.message.get("last"):
                    waiting.discard(event.topic)
                if not waiting:
                    return heard
        raise AssertionError("it ended by itself")

    async def listen_all() -> list[dict[str, list[int]]]:
        return await asyncio.wait_for(asyncio.gather(*(listen(n % 2) for n in range(SUBSCRIBERS))), 60)

    results: list[dict[str, list[int]]] = []
    listeners = threading.Thread(target=lambda: results.extend(asyncio.run(listen_all())))
    with Publisher([bridge.endpoint for bridge in bridges]) as publisher:
        assert publisher.wait_ready(10)
        with publishing(publisher) as sent:
            listeners.start()
            assert all(listening.acquire(timeout=20) for _ in range(SUBSCRIBERS))
            for bridge in bridges:
                restart(bridge)
        listeners.join()
    assert len(results) == SUBSCRIBERS
    assert gaps == []
    for heard in results:
        for topic, numbers in heard.items():
            assert numbers == list(range(numbers[0], sent[topic] + 2))
