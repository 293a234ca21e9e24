"""Reading: what a bridge says, as far as Python can have it.

A producer's JSON may be of any depth, and its numbers of any length. json.loads refuses both past some bound, which may
neither end a subscriber nor let the event pass as if it had never been.
"""

from __future__ import annotations

import json
import re
from typing import Any

_PART = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{\]}]|[^"\[\]{}]+', re.DOTALL)
_DIGITS = 19  # of the longest number that counts something


def read(text: str) -> tuple[dict[str, Any] | None, bool]:
    """The object that it is, if it is one, and whether that is whole: else it has its texts and small numbers only."""
    is_whole = True
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        message, is_whole = _outline(text), False
    return (message if isinstance(message, dict) else None), is_whole


def _outline(text: str) -> Any:
    """With null in place of what has parts of its own, and of long numbers. None for what is no JSON."""
    kept: list[str] = []
    depth = 0
    for found in _PART.finditer(text):
        part = found[0]
        depth -= part in ("]", "}")
        if depth == 1 and part in ("[", "{"):
            kept.append("null")
        elif depth == 0 or (depth == 1 and part not in ("]", "}")):
            kept.append(part)
        depth += part in ("[", "{")
    try:
        return json.loads("".join(kept), parse_int=_number)
    except ValueError:
        return None


def _number(digits: str) -> int | None:
    return int(digits) if len(digits) <= _DIGITS else None
