"""A producer that binds, for any number of bridges: an import, wallets and a system status.

Its events are numbered, so a client may leave one bridge and ask another for what it missed.

    python3 producers.py [ENDPOINT]        default: tcp://*:5556
"""

import random
import signal
import sys
import time

from zwsbridge import Publisher

ROWS = 600


def main() -> None:
    endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://*:5556"
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Publisher(endpoint, bind=True) as publisher:
        done = 0
        try:
            while True:
                status = "completed" if done == ROWS else "processing"
                progress = {"status": status, "total": ROWS, "processed": done, "progress": 100 * done / ROWS}
                publisher.send_import_progress("task-123", progress)
                if done == ROWS:
                    publisher.send_notification({"title": "Import finished", "level": "success"})
                publisher.send_wallet_update(f"0x{random.randrange(150):040x}", {"score": random.randrange(101)})
                publisher.send_system_status({"cpu": round(random.uniform(5, 60), 1)})
                done = done + 5 if done < ROWS else 0
                time.sleep(0.2)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
