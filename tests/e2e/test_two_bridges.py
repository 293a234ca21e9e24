"""Two bridges that hear the same producers: a client moves between them and misses nothing."""

import itertools

import pytest

from support.producer import Producer

CLIENTS = 200
ROOMY = {"history.size": 5000, "limits.replay_events": 5000, "limits.queue_bytes": 8 << 20}


class Numbers:
    """A producer that both bridges hear, and the newest number it has sent."""

    def __init__(self, producer):
        self.producer = producer
        self.newest = 0

    def send(self, count=1):
        for _ in range(count):
            self.newest += 1
            self.producer.send("numbers", {"type": "n", "n": self.newest}, {"src": "p", "seq": self.newest})


class Listener:
    """A client that keeps its position, as the browser client does: `at`, moved by each `@id`."""

    def __init__(self, bridge):
        self.client = bridge.connect()
        self.at = self.client.subscribe("numbers")["at"]
        self.seen = []

    def take(self, message):
        self.seen.append(message["n"])
        self.at = [message["@id"]]

    def read_to(self, number):
        while not self.seen or self.seen[-1] < number:
            self.take(self.client.receive())

    def read_to_the_end(self):
        """All that came before the bridge was gone."""
        code, messages = self.client.wait_closed()
        assert code == 1006
        for message in messages:
            self.take(message)

    def move(self, bridge):
        self.client = bridge.connect()
        answer = self.client.subscribe("numbers", since=self.at)
        assert answer["recovered"] is True, answer
        return answer


def wait_heard(bridge, number):
    """Returns when the bridge has heard it: until then a newer position is one it cannot know."""
    witness = bridge.connect()
    if witness.subscribe("numbers")["at"] != [f"p:{number}"]:
        while witness.receive()["n"] != number:
            pass
    witness.close()


@pytest.fixture
def two(make_bridge):
    return [make_bridge(ROOMY) for _ in range(2)]


@pytest.fixture
def numbers(two):
    with Producer(two[0].endpoint) as producer:
        producer.wait_ready()
        producer.socket.connect(two[1].endpoint)
        producer.wait_ready()
        yield Numbers(producer)


def test_both_give_an_event_the_same_name(two, numbers):
    clients = [bridge.connect() for bridge in two]
    for client in clients:
        client.subscribe("numbers")
    numbers.send(20)
    first, second = ([client.receive_frame() for _ in range(20)] for client in clients)
    assert first == second


def test_a_bridge_is_killed_while_200_clients_listen(two, numbers):
    first, second = two
    listeners = [Listener(first) for _ in range(CLIENTS)]
    numbers.send(50)
    for listener in listeners[::2]:
        listener.read_to(30)
    numbers.send(100)  # nobody waits for these: the bridge dies in mid-stream
    listeners[0].read_to(60)
    first.kill()
    for listener in listeners:
        listener.read_to_the_end()
        numbers.send()
    wait_heard(second, numbers.newest)
    for listener in listeners:
        numbers.send()  # one under way while it subscribes: sent again, or live, but not both
        listener.move(second)
    numbers.send(20)
    for listener in listeners:
        listener.read_to(numbers.newest)
        assert listener.seen == list(range(1, numbers.newest + 1))
        assert listener.client.receive_all() == []


def test_a_pattern_is_recovered_on_the_other_bridge(two, numbers):
    witnesses = [bridge.connect() for bridge in two]
    for witness in witnesses:
        witness.subscribe("import:*")
    client = two[0].connect()
    client.subscribe("import:*")
    newest, since, seen = {}, {}, {}

    def send(topic):
        newest[topic] = newest.get(topic, 0) + 1
        numbers.producer.send(topic, {"type": "n", "n": newest[topic]}, {"src": "p", "seq": newest[topic]})
        for witness in witnesses:
            assert witness.receive()["topic"] == topic

    def take():
        event = client.receive()
        since[event["topic"]] = [event["@id"]]
        seen.setdefault(event["topic"], []).append(event["n"])

    for n in range(300):
        send(f"import:{n % 30}")
    for _ in range(200):
        take()
    client.close()
    for n in range(50):
        send(f"import:{n}")
    client = two[1].connect()
    answer = client.subscribe("import:*", since=since)
    assert (answer["recovered"], answer["replayed"]) == (True, 150)
    for _ in range(150):
        take()
    assert seen == {topic: list(range(1, last + 1)) for topic, last in newest.items()}
    assert client.receive_all() == []


@pytest.mark.short
def test_a_client_may_go_back_and_forth(two, numbers):
    listener = Listener(two[0])
    for bridge in itertools.islice(itertools.cycle(reversed(two)), 10):
        numbers.send(3)
        listener.read_to(numbers.newest - 1)
        listener.client.close()
        numbers.send(2)
        wait_heard(bridge, numbers.newest)
        listener.move(bridge)
    listener.read_to(numbers.newest)
    assert listener.seen == list(range(1, numbers.newest + 1))


def test_a_bridge_that_came_late_says_what_it_cannot_know(make_bridge, make_producer):
    first, second = make_bridge(ROOMY), make_bridge(ROOMY)
    producer = make_producer(first.endpoint)
    numbers = Numbers(producer)
    listener = Listener(first)
    numbers.send(5)
    listener.read_to(5)
    producer.socket.connect(second.endpoint)
    producer.wait_ready()
    witness = second.connect()
    witness.subscribe("numbers")
    numbers.send(3)
    assert [witness.receive()["n"] for _ in range(3)] == [6, 7, 8]
    assert second.connect().subscribe("numbers", since=["p:3"])["recovered"] is False
    listener.client.close()
    assert listener.move(second)["replayed"] == 3
    listener.read_to(8)
    assert listener.seen == list(range(1, 9))


def test_ids_of_events_without_a_header_mean_nothing_elsewhere(two, numbers):
    clients = [bridge.connect() for bridge in two]
    for client in clients:
        client.subscribe("plain")
    for n in range(3):
        numbers.producer.send("plain", {"type": "n", "n": n})
    ids = [[client.receive()["@id"] for _ in range(3)] for client in clients]
    assert not set(ids[0]) & set(ids[1])
    assert two[1].connect().subscribe("plain", since=ids[0][1])["recovered"] is False
    assert two[1].connect().subscribe("plain", since=ids[1][1])["recovered"] is True


def test_who_had_heard_nothing_on_one_goes_on_at_another_as_far_as_that_can_know(two, numbers):
    """A mark of one bridge says nothing to another, which has only what it heard itself."""
    client = two[0].connect()
    mark = client.subscribe("numbers")["at"]
    assert two[1].connect().subscribe("numbers", since=mark)["recovered"] is False
    numbers.send(3)
    first = client.receive()["@id"]
    wait_heard(two[1], numbers.newest)
    for since, replayed in ((mark, 3), ([*mark, first], 2)):
        answer = two[1].connect().subscribe("numbers", since=since)
        assert (answer["recovered"], answer["replayed"]) == (True, replayed)
