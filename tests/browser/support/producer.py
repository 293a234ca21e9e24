"""A producer for the browser tests: sends what it reads, one JSON object a line, and says `sent`.

The line `null` waits until a bridge subscribes (again), and says `ready`.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from support.producer import Producer

with Producer(sys.argv[1]) as producer:
    producer.wait_ready()
    print("ready", flush=True)
    for line in sys.stdin:
        event = json.loads(line)
        if event is None:
            producer.wait_ready()
            print("ready", flush=True)
        else:
            producer.send(event["topic"], event["payload"], event.get("header"))
            print("sent", flush=True)
