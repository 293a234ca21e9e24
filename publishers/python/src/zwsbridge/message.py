"""The messages that browsers know by their `type`, and how a message becomes bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Callable, Union

Dumps = Callable[[Any], Union[str, bytes]]

# Strict JSON: NaN and Infinity, which no browser can parse, are a ValueError here.
dumps: Dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def encode(message: object, dumps: Dumps) -> bytes:
    """Bytes travel as they are, everything else as JSON. Raises what `dumps` raises."""
    if isinstance(message, (bytes, bytearray, memoryview)):
        return bytes(message)
    text = dumps(message)
    return text.encode() if isinstance(text, str) else text


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
