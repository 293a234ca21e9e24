#!/usr/bin/env python3
"""This machine's real CPU and memory use: plain pyzmq, nothing of zwsbridge.

Read from Linux's /proc once every `--interval` seconds and published on the
topic `system_status`.

    python3 system_status.py --interval 1
"""

import argparse
import json
import signal
import time
from datetime import datetime, timezone

import zmq


def timestamp():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def cpu_times():
    """(busy, total) clock ticks of all cores since the machine started."""
    with open("/proc/stat") as stat:
        # user nice system idle iowait irq softirq steal; guest is already in user.
        ticks = [int(field) for field in stat.readline().split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def memory_percent():
    with open("/proc/meminfo") as meminfo:
        kib = {line.split(":")[0]: int(line.split()[1]) for line in meminfo}
    return 100 * (1 - kib["MemAvailable"] / kib["MemTotal"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", default="tcp://127.0.0.1:5556", help="where the bridge listens")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between two messages")
    parser.add_argument("--active-wallets", type=int, default=150, help="the number that wallets.py runs with")
    options = parser.parse_args()

    for end in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell starts background jobs without it
        signal.signal(end, signal.default_int_handler)
    context = zmq.Context()
    socket = context.socket(zmq.PUB)
    socket.linger = 500  # milliseconds that a last message may take to leave
    try:
        socket.connect(options.endpoint)
        busy_before, total_before = cpu_times()
        while True:
            time.sleep(options.interval)
            busy, total = cpu_times()
            cpu = 100 * (busy - busy_before) / max(total - total_before, 1)
            busy_before, total_before = busy, total
            message = {
                "type": "system_status",
                "data": {
                    "cpu": round(cpu, 1),
                    "memory": round(memory_percent(), 1),
                    "active_wallets": options.active_wallets,
                },
                "timestamp": timestamp(),
            }
            socket.send_multipart([b"system_status", json.dumps(message).encode()])
    except KeyboardInterrupt:
        pass
    finally:
        context.destroy()


if __name__ == "__main__":
    main()
