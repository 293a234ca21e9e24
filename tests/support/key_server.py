"""An identity provider's key set over HTTP on loopback, and what can be wrong with one."""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt

from support.certificate import Certificate
from support.tokens import Issuer

DEADLINE = 30.0


def key_set(**issuers: Issuer) -> bytes:
    """A JWKS of each issuer's public key, by the name it is given."""
    keys = []
    for kid, issuer in issuers.items():
        jwk = jwt.get_algorithm_by_name(issuer.algorithm).to_jwk(issuer.key.public_key(), as_dict=True)
        keys.append({**jwk, "kid": kid, "alg": issuer.algorithm, "use": "sig"})
    return json.dumps({"keys": keys}).encode()


class KeyServer:
    """Serves the keys that it is told to, with an ETag. `with KeyServer() as server: server.publish(...)`. With a
    `certificate` it speaks TLS.

    `mode`: "good"; "stalls" answers nothing; "holds" answers with what it had when it was asked, after release(); "endless" sends 10 MB of a set; a number is a bare status.
    """

    def __init__(self, certificate: Certificate | None = None) -> None:
        self.mode: str | int = "good"
        self.body = b'{"keys":[]}'
        self.answered: list[int] = []
        self.moved_to = ""
        self.end = threading.Event()
        self.released = threading.Event()
        self.changed = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        scheme = "http"
        if certificate is not None:
            scheme = "https"
            rules = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            rules.load_cert_chain(certificate.cert_file, certificate.key_file)
            self.server.socket = rules.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{scheme}://127.0.0.1:{self.server.server_port}/keys"

    def __enter__(self) -> KeyServer:
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.end.set()
        self.released.set()
        if self.thread.is_alive():
            self.server.shutdown()
            self.thread.join()
            self.server.server_close()

    def publish(self, **issuers: Issuer) -> None:
        """The set: each issuer's public key, by the name it is given."""
        self.body = key_set(**issuers)

    @property
    def etag(self) -> str:
        return f'"{hash(self.body)}"'

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        mode, body = self.mode, self.body
        if mode == "stalls":
            self.note(0)
            self.end.wait(DEADLINE)
            request.close_connection = True
            return
        if mode == "holds":
            self.note(0)
            self.released.wait(DEADLINE)
        status = mode if isinstance(mode, int) else 200
        if mode == "good" and request.headers.get("If-None-Match") == self.etag:
            status = 304
        if mode == "endless":
            body = body[:-1] + b',"x":"' + b"x" * 10_000_000 + b'"}'
        if status != 200:
            body = b""
        request.send_response(status)
        if status == 302:
            request.send_header("Location", self.moved_to)
        if mode == "good":
            request.send_header("ETag", self.etag)
        if status != 304:
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        try:
            request.wfile.write(body)
        except OSError:
            pass  # it has had enough
        self.note(status)

    def note(self, status: int) -> None:
        with self.changed:
            self.answered.append(status)
            self.changed.notify_all()

    def wait_answered(self, count: int, status: int | None = None, within: float = DEADLINE) -> None:
        """Until it has answered so often (with `status`)."""

        def enough() -> bool:
            return len([one for one in self.answered if status in (None, one)]) >= count

        with self.changed:
            assert self.changed.wait_for(enough, within), f"answered {self.answered}"


def token_of(issuer: Issuer, kid: str, **claims: Any) -> str:
    body = {"sub": "alice", "exp": 4_000_000_000, **claims}
    return jwt.encode(body, issuer.key, issuer.algorithm, {"kid": kid})
