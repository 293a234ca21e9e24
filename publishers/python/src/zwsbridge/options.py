"""The options of a publisher, by their names, so that a type checker finds one that is misspelt."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from zwsbridge.link import Key
from zwsbridge.message import Default, Dumps

# At run time too: frameworks that inject dependencies ask for the types of a constructor's parameters.
if TYPE_CHECKING:
    from typing_extensions import Unpack as Unpack
elif sys.version_info >= (3, 11):
    from typing import Unpack as Unpack
else:

    class Unpack:
        def __class_getitem__(cls, options: Any) -> Any:
            return options


DEFAULT_ENDPOINT = "tcp://127.0.0.1:5556"


class Options(TypedDict, total=False):
    """What Publisher takes beside its endpoint; it says what each of them means."""

    bind: bool
    headers: bool
    queue_size: int
    linger: float
    early_seconds: float
    max_event_bytes: int
    max_topics: int
    curve_server_key: Key | None
    curve_secret_key: Key | None
    repair: str | Sequence[str] | None
    repair_bytes: int
    default: Default | None
    dumps: Dumps | None


def endpoint_or_default(endpoint: str | Sequence[str] | None) -> str | Sequence[str]:
    """What was asked for, or $ZWS_ENDPOINT (several with commas between them), or the bridge on this machine."""
    if endpoint is not None:
        return endpoint
    named = [one.strip() for one in os.environ.get("ZWS_ENDPOINT", "").split(",")]
    return [one for one in named if one] or DEFAULT_ENDPOINT
