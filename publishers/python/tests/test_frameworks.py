"""A publisher made before the fork, in programs that fork: a client of the real daemon hears each event once."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from stand_in import PATIENCE, StandIn, wait_until
from support.bridge import Bridge, free_port

PATIENCE_OF_A_FRAMEWORK = 60  # seconds; only a failing test waits so long
BIN = Path(sys.executable).parent

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts programs in the test's folder; what still runs at the end is killed, and what it said is shown."""
    started: list[subprocess.Popen[bytes]] = []

    def start_program(*command: object, **environment: str) -> subprocess.Popen[bytes]:
        with open(tmp_path / "output", "ab") as output:
            process = subprocess.Popen(
                [str(word) for word in command],
                cwd=tmp_path,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield start_program
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    print((tmp_path / "output").read_text())


@pytest.fixture
def redis(start: Start, tmp_path: Path) -> str:
    """The path of a Redis server's socket."""
    path = tmp_path / "redis.sock"
    start("redis-server", "--port", 0, "--unixsocket", path, "--save", "", "--dir", tmp_path)
    wait_until(path.exists)
    return str(path)


def write(tmp_path: Path, name: str, program: str) -> None:
    (tmp_path / name).write_text(textwrap.dedent(program))


def end(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(PATIENCE_OF_A_FRAMEWORK)


def hears(client: Any, expected: dict[object, int]) -> int:
    """Waits for these events, each so many times, and that no other came; returns how many sources they are of."""
    messages: list[dict[str, Any]] = []
    heard: Counter[object] = Counter()
    while heard.total() < sum(expected.values()):
        try:
            messages.append(client.receive())
        except AssertionError:
            break
        heard[messages[-1].get("n", messages[-1]["type"])] += 1
    assert heard == expected
    return len({message["@id"].split(":")[0] for message in messages})


def each_once(numbers: range) -> dict[object, int]:
    return dict.fromkeys(numbers, 1)


# ---- queues of jobs ----


@pytest.mark.parametrize("options", [[], ["--max-tasks-per-child", 1]], ids=["", "a child for each task"])
def test_celery(daemon: Bridge, start: Start, redis: str, tmp_path: Path, options: list[object]) -> None:
    write(
        tmp_path,
        "tasks.py",
        """
        import os
        from celery import Celery
        from zwsbridge import Publisher

        publisher = Publisher()
        app = Celery("tasks", broker=os.environ["BROKER"])

        @app.task
        def step(n):
            assert publisher.publish("t", {"type": "n", "n": n})
        """,
    )
    client = daemon.connect()
    client.subscribe("*")
    environment = {"ZWS_ENDPOINT": daemon.endpoint, "BROKER": f"redis+socket://{redis}"}
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    worker = start(BIN / "celery", "-A", "tasks", "worker", "--concurrency", 2, *quiet, *options, **environment)
    sender = start(sys.executable, "-c", "from tasks import step\nfor n in range(4): step.delay(n)", **environment)
    sources = hears(client, each_once(range(4)))
    assert sources == 4 if options else sources <= 2
    assert sender.wait(PATIENCE_OF_A_FRAMEWORK) == 0
    assert end(worker) == 0
    assert client.receive_all() == []


def test_child_of_celery_that_ends_sends_what_waits(bridge: StandIn) -> None:
    """As billiard's worker ends: Celery's signal, and os._exit while the connection is still being made."""
    program = f"""
        import os
        import celery.signals
        from zwsbridge import Publisher

        publisher = Publisher({bridge.endpoint!r}, linger=10)
        assert publisher.wait_ready(10)
        child = os.fork()
        if child == 0:
            assert publisher.publish("t", b"child")
            celery.signals.worker_process_shutdown.send(sender=None, pid=os.getpid(), exitcode=0)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], timeout=60, check=True)
    assert bridge.receive().payload == b"child"


def test_rq(daemon: Bridge, start: Start, redis: str, tmp_path: Path) -> None:
    write(
        tmp_path,
        "jobs.py",
        """
        from zwsbridge import Publisher

        publisher = Publisher()

        def step(n):
            assert publisher.publish("t", {"type": "n", "n": n})
            assert publisher.flush(10)  # the job's process ends by os._exit
        """,
    )
    write(
        tmp_path,
        "worker.py",
        """
        import os
        import jobs  # before the forks
        from redis import Redis
        from rq import Queue, Worker

        queue = Queue(connection=Redis(unix_socket_path=os.environ["REDIS"]))
        for n in range(4):
            queue.enqueue(jobs.step, n)
        assert jobs.publisher.publish("t", {"type": "worker"})
        Worker([queue], connection=queue.connection).work(burst=True)
        assert queue.failed_job_registry.count == 0
        """,
    )
    client = daemon.connect()
    client.subscribe("*")
    worker = start(sys.executable, "worker.py", ZWS_ENDPOINT=daemon.endpoint, REDIS=redis)
    assert hears(client, {**each_once(range(4)), "worker": 1}) == 5
    assert worker.wait(PATIENCE_OF_A_FRAMEWORK) == 0
    assert client.receive_all() == []


# ---- servers ----

WSGI = """
    import atexit
    from zwsbridge import Publisher

    publisher = Publisher()
    publisher.publish("t", {"type": "import"})
    atexit.register(publisher.publish, "t", {"type": "end"})

    def application(environ, start_response):
        taken = publisher.publish("t", {"type": "n", "n": int(environ["PATH_INFO"][1:])})
        start_response("200 OK" if taken else "503 Dropped", [("Content-Type", "text/plain")])
        return [b"taken"]
"""
ASGI = """
    from contextlib import asynccontextmanager
    from fastapi import FastAPI
    from zwsbridge import AsyncPublisher

    publisher = AsyncPublisher()

    @asynccontextmanager
    async def lifespan(app):
        await publisher.publish("t", {"type": "import"})
        yield
        await publisher.publish("t", {"type": "end"})
        await publisher.close()

    application = FastAPI(lifespan=lifespan)

    @application.get("/{n}")
    async def number(n: int):
        assert await publisher.publish("t", {"type": "n", "n": n})
"""
ADDRESS = "127.0.0.1:{port}"
GRACEFUL = "unix_signal:15 gracefully_kill_them_all"  # else a worker that is in a request ends with no word to Python
UWSGI = ["uwsgi", "-w", "web", "--lazy-apps", "--master", "-p", "2", "--http-socket", ADDRESS]
# Name -> the application, the command, and in how many processes it is imported: each of them ends, too.
SERVERS: dict[str, tuple[str, list[str], int, int]] = {
    "gunicorn": (WSGI, ["gunicorn", "web:application", "-w", "2", "-b", ADDRESS], 2, 2),
    "gunicorn --preload": (WSGI, ["gunicorn", "web:application", "-w", "2", "-b", ADDRESS, "--preload"], 1, 3),
    "uwsgi --lazy-apps": (WSGI, [*UWSGI, "--hook-master-start", GRACEFUL], 2, 2),
    "uvicorn": (ASGI, ["uvicorn", "web:application", "--workers", "2", "--port", "{port}"], 2, 2),
}


def is_served(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("server", SERVERS)
def test_server_with_workers(daemon: Bridge, start: Start, tmp_path: Path, server: str) -> None:
    application, command, imports, ends = SERVERS[server]
    write(tmp_path, "web.py", application)
    port = free_port()
    client = daemon.connect()
    client.subscribe("*")
    words = [word.format(port=port) for word in command[1:]]
    master = start(BIN / command[0], *words, ZWS_ENDPOINT=daemon.endpoint)
    hears(client, {"import": imports})
    wait_until(lambda: is_served(port))
    for number in range(6):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{number}", timeout=PATIENCE) as answer:
            assert answer.status == 200
        hears(client, {number: 1})  # at once: not when the worker publishes again
    end(master)
    hears(client, {"end": ends})
    assert client.receive_all() == []


# ---- multiprocessing ----


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing(daemon: Bridge, start: Start, tmp_path: Path, method: str) -> None:
    write(
        tmp_path,
        "program.py",
        """
        import multiprocessing
        import os
        import sys
        from concurrent.futures import ProcessPoolExecutor
        from zwsbridge import Publisher

        publisher = Publisher(linger=10)

        def step(n):
            assert publisher.publish("t", {"type": "n", "n": n})

        def step_and_exit(n):
            step(n)
            os._exit(0 if publisher.flush(10) else 1)

        if __name__ == "__main__":
            context = multiprocessing.get_context(sys.argv[1])
            assert publisher.publish("t", {"type": "parent"})
            workers = [context.Process(target=step if n else step_and_exit, args=(n,)) for n in range(2)]
            for worker in workers:
                worker.start()
            with ProcessPoolExecutor(2, mp_context=context) as pool:
                list(pool.map(step, range(2, 8)))
            for worker in workers:
                worker.join()
            assert publisher.publish("t", {"type": "parent"})
            sys.exit(any(worker.exitcode for worker in workers))
        """,
    )
    client = daemon.connect()
    client.subscribe("*")
    program = start(sys.executable, "program.py", method, ZWS_ENDPOINT=daemon.endpoint)
    assert 4 <= hears(client, {**each_once(range(8)), "parent": 2}) <= 5  # of the pool one may have done all
    assert program.wait(PATIENCE_OF_A_FRAMEWORK) == 0
    assert client.receive_all() == []
