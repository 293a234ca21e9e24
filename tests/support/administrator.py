"""Calls of the REST API in an administrator's name, and what a refusal looks like."""

from __future__ import annotations

from typing import Any

from support.bridge import Bridge, HttpAnswer
from support.tokens import bearer


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
