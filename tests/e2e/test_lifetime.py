"""A connection is held until its end, and nothing is done for a client that has left."""

import json

from support.raw_socket import CLOSE, RawSocket
from support.tokens import bearer


def test_a_reload_does_nothing_for_a_client_that_was_thrown_out(make_bridge):
    bridge = make_bridge()
    admin = bearer(bridge.admin_token)
    witness = bridge.connect()
    with RawSocket(bridge.port) as leaver:
        leaver.upgrade()
        hello = json.loads(leaver.frame().payload)
        thrown = bridge.http("DELETE", f"/api/ws/connections/{hello['client_id']}", headers=admin)
        assert thrown.json["closed"] == 1
        assert leaver.frame().opcode == CLOSE  # which it does not answer, so that it stays a while
        assert bridge.metric("zws_connections") == 2
        bridge.reload()
        message = {"message": {"type": "hello"}}
        answer = bridge.http("POST", "/api/ws/broadcast", message, headers=admin)
        assert answer.json["recipients"] == 1
        assert witness.receive()["type"] == "hello"
    bridge.wait_metric("zws_connections", 1)
