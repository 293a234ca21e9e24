"""Calls of the REST API in an administrator's name, and what a refusal looks like."""

from __future__ import annotations

from typing import Any

from support.bridge import Bridge, HttpAnswer
from support.tokens import bearer

# One of each kind, with a body that it takes.
ADMIN_CALLS = [
    ("GET", "/api/ws/stats", None),
    ("POST", "/api/ws/broadcast", {"message": {"type": "x"}}),
    ("POST", "/api/ws/notify", {"title": "x"}),
    ("POST", "/api/ws/publish", {"topic": "a", "message": 1}),
    ("GET", "/api/ws/connections", None),
    ("GET", "/api/ws/topics", None),
    ("GET", "/api/ws/topics/a/history", None),
    ("GET", "/api/ws/connections/nobody", None),
    ("GET", "/api/ws/topics/a", None),
    ("GET", "/api/ws/sources", None),
    ("GET", "/api/ws/samples", None),
    ("GET", "/api/ws/log", None),
    ("GET", "/api/ws/config", None),
    ("GET", "/api/ws/bridges", None),
    ("POST", "/api/ws/rights", {"user": "ada"}),
    ("DELETE", "/api/ws/connections/nobody", None),
    ("DELETE", "/api/ws/users/nobody/connections", None),
]


class Administrator:
    def __init__(self, bridge: Bridge, token: str) -> None:
        self.bridge = bridge
        self.headers = bearer(token)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> HttpAnswer:
        return self.bridge.http(method, path, body, {**self.headers, **headers})

    def get(self, path: str) -> Any:
        return self.done("GET", path)

    def done(self, method: str, path: str, body: Any = None) -> Any:
        """The answer of a call that must succeed."""
        answer = self(method, path, body)
        assert answer.status == 200, answer
        return answer.json


def assert_refused(answer: HttpAnswer, status: int, code: str | None = None) -> None:
    assert answer.status == status, answer
    assert list(answer.json) == ["success", "code", "message"] and answer.json["success"] is False
    assert answer.json["message"] and code in (None, answer.json["code"])
