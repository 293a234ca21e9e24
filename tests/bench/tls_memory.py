#!/usr/bin/env python3
"""What an idle client weighs in the bridge, plain and over TLS: Rss of the process, before and after.

build/venv/bin/python tests/bench/tls_memory.py [CLIENTS]
"""

from __future__ import annotations

import re
import ssl
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.bridge import Bridge
from support.certificate import Certificate
from support.raw_socket import TEXT, RawSocket

WARM_UP = 100  # clients that came and went before the first figure


def rss_kib(pid: int) -> int:
    found = re.search(r"^Rss: +(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    assert found
    return int(found[1])


def idle_client(bridge: Bridge) -> RawSocket:
    """Connected, greeted, and answered once."""
    client = bridge.raw()
    assert client.upgrade()[0] == 101
    client.frame()
    client.send_frame(TEXT, b'{"type":"ping"}')
    client.frame()
    return client


def measure(clients: int, certificate: Certificate | None, version: ssl.TLSVersion | None) -> float:
    with tempfile.TemporaryDirectory() as folder:
        bridge = Bridge(Path(folder), {"server.threads": 1}, certificate=certificate)
        if certificate is not None:
            bridge.tls = certificate.context(version)
        bridge.start()
        for client in [idle_client(bridge) for _ in range(WARM_UP)]:
            client.socket.close()
        bridge.wait_metric("zws_connections", 0)
        before = rss_kib(bridge.pid)
        idle = [idle_client(bridge) for _ in range(clients)]
        grown = rss_kib(bridge.pid) - before
        for client in idle:
            client.socket.close()
        bridge.stop()
        return grown * 1024 / clients


def main() -> None:
    clients = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as folder:
        certificate = Certificate(Path(folder))
        for name, made, version in (
            ("plain", None, None),
            ("TLS 1.2", certificate, ssl.TLSVersion.TLSv1_2),
            ("TLS 1.3", certificate, ssl.TLSVersion.TLSv1_3),
        ):
            print(f"{name:8} {measure(clients, made, version):8.0f} bytes a client", flush=True)


if __name__ == "__main__":
    main()
