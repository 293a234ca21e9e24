"""What a token may hold, and how it is written where it comes from."""

from __future__ import annotations

import re

_TEXT = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]*")  # what a header takes; every JWT is made of these


def bare(text: str) -> str:
    """Without what backends put around it that make JSON of it, and files that end the line."""
    return text.strip('" \t\r\n')


def is_token(text: str) -> bool:
    """The empty one too, which is nobody's."""
    return _TEXT.fullmatch(text) is not None
