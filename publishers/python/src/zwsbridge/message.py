"""The messages that browsers know by their `type`, and how a message becomes bytes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import date, datetime, time, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, Callable, Union
from uuid import UUID

Dumps = Callable[[Any], Union[str, bytes]]
Default = Callable[[Any], Any]


def json_default(value: Any) -> Any:
    """What goes out for a value that JSON does not know. Raises TypeError for what nobody has a form for.

    datetime, date and time in ISO 8601; UUID and Decimal as text, which keeps every digit; an Enum as its value;
    dataclasses and pydantic models as objects.
    """
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (UUID, Decimal)):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    model_dump = getattr(value, "model_dump", None)  # pydantic 2
    if callable(model_dump) and not isinstance(value, type):
        return model_dump(mode="json")
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable: give Publisher a default=")


def dumps_with(default: Default) -> Dumps:
    """Strict JSON: NaN and Infinity, which no browser can parse, are a ValueError."""
    return json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=default).encode


def encode(message: object, dumps: Dumps) -> bytes:
    """Bytes travel as they are, everything else as JSON. Raises what `dumps` raises, but no RecursionError."""
    if isinstance(message, (bytes, bytearray, memoryview)):
        return bytes(message)
    try:
        text = dumps(message)
    except RecursionError:
        raise ValueError("message is nested too deeply for JSON") from None
    if not isinstance(text, str):
        return text
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _without_surrogates(text).encode()


def _without_surrogates(text: str) -> str:
    """Two that make a character become it; a lone one, which has no form in UTF-8, becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def timestamp() -> str:
    """Now, as RFC 3339 in UTC with milliseconds: 2025-11-22T10:00:00.000Z."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def import_progress(task_id: str, progress: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "import_progress",
        "task_id": task_id,
        "topic": f"import:{task_id}",
        "data": progress,
        "timestamp": timestamp(),
    }


def wallet_update(wallet_address: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "wallet_update", "wallet_address": wallet_address, "data": data, "timestamp": timestamp()}


def notification(notification: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "notification", "data": notification, "timestamp": timestamp()}


def system_status(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "system_status", "data": data, "timestamp": timestamp()}
