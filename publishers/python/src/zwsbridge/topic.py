"""What may be the topic of an event.

- `import:task-1`, `wallet_updates`, `价格/btc`: any name without `*` or control characters
- `@all`, `@user/alice`: every connection; those of one user
- `import:*`, `@other`, the empty name: refused
"""

from __future__ import annotations

import re

ALL = "@all"
MAX_BYTES = 255
MAX_USER_BYTES = 200

_USER = "@user/"
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def encode_topic(topic: str) -> bytes:
    """The topic as it travels. Raises TypeError or ValueError for what a bridge would refuse."""
    if not isinstance(topic, str):
        raise TypeError(f"topic must be str, not {type(topic).__name__}")
    encoded = topic.encode()
    if not 1 <= len(encoded) <= MAX_BYTES:
        raise ValueError(f"topic must be 1 to {MAX_BYTES} bytes of UTF-8, not {len(encoded)}")
    if "*" in topic:
        raise ValueError(f"topic {topic!r} contains '*', which only patterns of subscribers may")
    if _CONTROL.search(topic):
        raise ValueError(f"topic {topic!r} contains a control character")
    if topic.startswith("@") and topic != ALL:
        user_bytes = len(encoded) - len(_USER)
        if not topic.startswith(_USER) or not 1 <= user_bytes <= MAX_USER_BYTES:
            raise ValueError(f"topic {topic!r}: of the names with '@' only {ALL} and {_USER}<1 to 200 bytes> exist")
    return encoded


def user_topic(user: str) -> str:
    """The topic that reaches every connection of one user. Raises as encode_topic does."""
    if not isinstance(user, str):
        raise TypeError(f"a user must be str, not {type(user).__name__}")
    encode_topic(_USER + user)
    return _USER + user
