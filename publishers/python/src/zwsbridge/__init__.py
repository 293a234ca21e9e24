"""Publishes events to zwsbridge, which carries them to browsers over WebSocket.

    from zwsbridge import Publisher

    with Publisher("tcp://127.0.0.1:5556") as publisher:
        publisher.wait_ready(2)
        publisher.send_import_progress("task-123", {"status": "processing", "progress": 50.0})

`AsyncPublisher` has the same verbs for asyncio. `zwsbridge.ws_manager` takes the
place of an in-process WebSocket manager whose `send_...` calls are awaited.
"""

from zwsbridge.admin import Admin, AdminError
from zwsbridge.async_publisher import AsyncPublisher
from zwsbridge.message import json_default
from zwsbridge.null_publisher import NullPublisher
from zwsbridge.options import DEFAULT_ENDPOINT, Options
from zwsbridge.publisher import Publisher
from zwsbridge.subscriber import Gap, SourceState, SubscribedEvent, SubscribeError, subscribe

__version__ = "0.1.0"
__all__ = [
    "DEFAULT_ENDPOINT",
    "Admin",
    "AdminError",
    "AsyncPublisher",
    "Gap",
    "NullPublisher",
    "Options",
    "Publisher",
    "SourceState",
    "SubscribeError",
    "SubscribedEvent",
    "json_default",
    "subscribe",
]
