#!/usr/bin/env python3
"""An import job that tells its progress: plain pyzmq, nothing of zwsbridge.

It makes a list of wallet rows, some of them spoiled, checks each one as an
import would, and publishes its progress on `import:{task_id}`. When it has
ended it publishes a notification, rests, and begins again.

    python3 import_job.py --task-id task-123
"""

import argparse
import json
import random
import re
import signal
import time
from datetime import datetime, timezone

import zmq

WALLET_ROW = re.compile(r"0x[0-9a-f]{40},\d+\.\d{2}")
ROWS_PER_MESSAGE = 5


def timestamp():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def publish(socket, topic, message):
    socket.send_multipart([topic.encode(), json.dumps(message).encode()])


def make_rows(count):
    """CSV rows `address,balance`; about one in twenty-five is cut short."""
    for _ in range(count):
        row = f"0x{random.getrandbits(160):040x},{random.uniform(0, 9999):.2f}"
        yield row[: random.randrange(42)] if random.random() < 0.04 else row


def send_progress(socket, task_id, total, success, failed, started):
    processed = success + failed
    seconds_per_row = (time.monotonic() - started) / max(processed, 1)
    message = {
        "type": "import_progress",
        "task_id": task_id,
        "topic": f"import:{task_id}",
        "data": {
            "status": "completed" if processed == total else "processing",
            "total": total,
            "processed": processed,
            "success": success,
            "failed": failed,
            "progress": round(100 * processed / total, 1),
            "eta": round((total - processed) * seconds_per_row),
        },
        "timestamp": timestamp(),
    }
    publish(socket, f"import:{task_id}", message)


def send_notification(socket, task_id, success, failed):
    message = {
        "type": "notification",
        "data": {
            "title": "Import finished",
            "content": f"{task_id}: {success} rows imported, {failed} failed",
            "level": "warning" if failed else "success",
        },
        "timestamp": timestamp(),
    }
    publish(socket, "notifications", message)


def run_import(socket, task_id, total, rows_per_second):
    started = time.monotonic()
    success = failed = 0
    send_progress(socket, task_id, total, success, failed, started)
    for row in make_rows(total):
        time.sleep(random.uniform(0.5, 1.5) / rows_per_second)  # what a real row costs
        if WALLET_ROW.fullmatch(row):
            success += 1
        else:
            failed += 1
        if (success + failed) % ROWS_PER_MESSAGE == 0 or success + failed == total:
            send_progress(socket, task_id, total, success, failed, started)
    send_notification(socket, task_id, success, failed)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", default="tcp://127.0.0.1:5556", help="where the bridge listens")
    parser.add_argument("--task-id", default="task-123")
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--rows-per-second", type=float, default=25.0)
    parser.add_argument("--rest", type=float, default=4.0, help="seconds between two imports")
    options = parser.parse_args()

    for end in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell starts background jobs without it
        signal.signal(end, signal.default_int_handler)
    context = zmq.Context()
    socket = context.socket(zmq.PUB)
    socket.linger = 500  # milliseconds that a last message may take to leave
    try:
        socket.connect(options.endpoint)
        while True:
            run_import(socket, options.task_id, options.rows, options.rows_per_second)
            time.sleep(options.rest)
    except KeyboardInterrupt:
        pass
    finally:
        context.destroy()


if __name__ == "__main__":
    main()
