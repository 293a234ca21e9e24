#!/usr/bin/env python3
"""Wallets whose score and profit change: plain pyzmq, nothing of zwsbridge.

Every update goes to the topic `wallet_updates` and carries one wallet.

    python3 wallets.py --wallets 150 --rate 5
"""

import argparse
import json
import random
import signal
import time
from datetime import datetime, timezone

import zmq


def timestamp():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def make_wallets(count):
    """Address -> data. The addresses are the same at every start."""
    fixed = random.Random(count)
    return {
        f"0x{fixed.getrandbits(160):040x}": {"score": fixed.randint(40, 90), "pnl": round(fixed.gauss(0, 5000), 2)}
        for _ in range(count)
    }


def trade(data):
    """One trade: the profit moves, and the score follows its direction."""
    profit = random.gauss(0, 250)
    data["pnl"] = round(data["pnl"] + profit, 2)
    data["score"] = min(100, max(0, data["score"] + (1 if profit > 0 else -1)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", default="tcp://127.0.0.1:5556", help="where the bridge listens")
    parser.add_argument("--wallets", type=int, default=150)
    parser.add_argument("--rate", type=float, default=5.0, help="updates a second")
    options = parser.parse_args()

    for end in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell starts background jobs without it
        signal.signal(end, signal.default_int_handler)
    context = zmq.Context()
    socket = context.socket(zmq.PUB)
    socket.linger = 500  # milliseconds that a last message may take to leave
    try:
        socket.connect(options.endpoint)
        wallets = make_wallets(options.wallets)
        while True:
            address = random.choice(list(wallets))
            trade(wallets[address])
            message = {
                "type": "wallet_update",
                "wallet_address": address,
                "data": wallets[address],
                "timestamp": timestamp(),
            }
            socket.send_multipart([b"wallet_updates", json.dumps(message).encode()])
            time.sleep(random.expovariate(options.rate))
    except KeyboardInterrupt:
        pass
    finally:
        context.destroy()


if __name__ == "__main__":
    main()
