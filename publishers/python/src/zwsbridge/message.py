"""The messages that browsers know by their `type`, and how a message becomes bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Callable, Union

Dumps = Callable[[Any], Union[str, bytes]]


def _make_dumps() -> Dumps:
    """Strict JSON: NaN and Infinity, which no browser can parse, are a ValueError."""
    encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # JSONEncoder makes a C encoder for every message, which takes as long as a small message itself. This one is kept.
    make_encoder = getattr(json.encoder, "c_make_encoder", None)
    if make_encoder is None:  # not CPython
        return encoder.encode
    # The first argument, None: no record of what is open, as threads would share it. A circle is a RecursionError.
    chunks = make_encoder(None, encoder.default, json.encoder.encode_basestring, None, ":", ",", False, False, False)

    def dumps(message: Any) -> str:
        try:
            return "".join(chunks(message, 0))
        except RecursionError:
            raise ValueError("message contains itself, or is nested too deeply for JSON") from None

    return dumps


dumps = _make_dumps()


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
