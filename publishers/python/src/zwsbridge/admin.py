"""Admin: the administrator's calls of a bridge, over HTTP, with nothing but the standard library.

    admin = Admin("http://127.0.0.1:8000", token=token)
    admin.notify("Your import is done", level="success", target_users=["ada"])

Thread: may be shared; each call has a connection of its own.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from zwsbridge.bearer import bare, is_token
from zwsbridge.message import json_default

_PAGE = 1000  # entries asked for at a time
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


class AdminError(Exception):
    """A call that the bridge refused: `status` is HTTP's, `code` and the text are the bridge's own."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{message} ({status} {code})")
        self.status = status
        self.code = code


class Admin:
    """url: the bridge's, with the prefix that a proxy puts before its paths; that of a WebSocket serves, too.
    token: an administrator's. path: the bridge's `server.path`, where that is another one.

    Raises AdminError for what the bridge refuses, for answers of others in its place, and for a history with an event
    too deep, or a number too long, for Python; OSError where it cannot be reached within `timeout` seconds or its
    answer breaks off.
    """

    def __init__(self, url: str, token: str | None = None, *, timeout: float = 10.0, path: str = "/api/ws") -> None:
        scheme, found, rest = url.partition("://")
        if not found or scheme not in _SCHEMES or not urlsplit(url).hostname:
            raise ValueError(f"{url!r} is not the URL of a bridge such as http://127.0.0.1:8000")
        if token is not None and not is_token(token := bare(token)):
            raise ValueError("the token holds characters that no token has")  # which nobody is shown
        self._path = path.rstrip("/")
        rest = rest.rstrip("/")
        if self._path and rest.endswith(self._path):
            rest = rest[: -len(self._path)]
        self._url = f"{_SCHEMES[scheme]}://{rest}"
        self._token = token or None
        self._timeout = timeout
        # A redirect is not followed: it would carry the token to somebody else.
        self._opener = urllib.request.build_opener(_NoRedirect)

    # Each returns how many connections were handed the event.

    def publish(self, topic: str, message: object) -> int:
        """As if a producer had sent it, and with the same forms of datetimes, UUIDs and the like."""
        return self._send("publish", {"topic": topic, "message": message})

    def broadcast(self, message: Mapping[str, Any], topic: str | None = None) -> int:
        """To every connection, or to the subscribers of one topic."""
        return self._send("broadcast", {"message": message, **({} if topic is None else {"topic": topic})})

    def notify(
        self, title: str, content: str = "", *, level: str = "info", target_users: Iterable[str] | None = None
    ) -> int:
        """To all who watch `notifications`, or to every connection of each target user: an empty list is nobody."""
        if isinstance(target_users, (str, bytes)):
            raise TypeError("target_users must be a list of users, not one string")
        body: dict[str, Any] = {"title": title, "content": content, "level": level}
        if target_users is not None:
            body["target_users"] = list(dict.fromkeys(target_users))
        return self._send("notify", body)

    def stats(self) -> dict[str, Any]:
        answer: dict[str, Any] = self._call("GET", f"{self._path}/stats")
        return answer

    def connections(self) -> Iterator[dict[str, Any]]:
        """Every connection, asked for page by page."""
        return self._pages(f"{self._path}/connections", "connections")

    def topics(self) -> Iterator[dict[str, Any]]:
        return self._pages(f"{self._path}/topics", "topics")

    def history(self, topic: str) -> list[dict[str, Any]]:
        """What is retained of a topic, in order of arrival."""
        newest_page_first: list[list[dict[str, Any]]] = []
        for page in self._answers(f"{self._path}/topics/{quote(topic, safe='')}/history"):
            newest_page_first.append(page["events"])
        return [event for page in reversed(newest_page_first) for event in page]

    def kick(self, client_id: str) -> None:
        """Closes one connection. AdminError with status 404 when it has gone."""
        self._call("DELETE", f"{self._path}/connections/{quote(client_id, safe='')}")

    def kick_user(self, user: str) -> int:
        """Closes all connections of a user, and says how many there were."""
        return int(self._call("DELETE", f"{self._path}/users/{quote(user, safe='')}/connections")["closed"])

    def ready(self) -> bool:
        """Whether clients should be sent to this bridge now."""
        try:
            return bool(self._call("GET", "/readyz")["ready"])
        except AdminError as error:
            if error.status == 503:
                return False
            raise

    def __repr__(self) -> str:
        return f"<zwsbridge.Admin {self._url}>"

    def _send(self, call: str, body: Mapping[str, Any]) -> int:
        return int(self._call("POST", f"{self._path}/{call}", body)["recipients"])

    def _pages(self, path: str, name: str) -> Iterator[dict[str, Any]]:
        for page in self._answers(path):
            yield from page[name]

    def _answers(self, path: str) -> Iterator[dict[str, Any]]:
        cursor: Any = ""
        while cursor is not None:
            query = urlencode({"limit": _PAGE, **({"cursor": cursor} if cursor else {})})
            answer = self._call("GET", f"{path}?{query}")
            yield answer
            cursor = answer["cursor"]

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {"Accept": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body, allow_nan=False, default=json_default).encode()
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error.code, _read(error)) from None
        except http.client.HTTPException as error:  # no HTTP, or one that breaks off
            raise ConnectionError(f"{self._url} does not answer as a bridge does: {error!r}") from error
        try:
            parsed = json.loads(content)
        except (ValueError, RecursionError):  # a history has what producers sent, however deep
            parsed = None
        if not isinstance(parsed, dict):
            raise _refusal(status, content)
        return parsed


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _read(error: urllib.error.HTTPError) -> bytes:
    """What there is of the body of a refusal."""
    try:
        return error.read()
    except (OSError, http.client.HTTPException):
        return b""


def _refusal(status: int, body: bytes) -> AdminError:
    try:
        answer = json.loads(body)
        return AdminError(status, str(answer["code"]), str(answer["message"]))
    except (ValueError, KeyError, TypeError, RecursionError):  # not the bridge but something in front of it
        return AdminError(status, "unknown", body[:200].decode(errors="replace") or "no explanation")
