"""`publish_mqtt_topic`: what macros publish, as their templates write it."""

import json
import logging
from typing import Any

import pytest

from mrk.definitions.roles import Role
from mrk.errors import ClientError
from tests.transports.mqtt.house import open_mqtt, open_stranger
from transports.mqtt.macro_messages import MacroMessages


async def test_a_macro_publishes(broker: Any) -> None:
    async with (
        open_mqtt(broker.port, instance_name="shop", default_qos=1) as shop,
        open_stranger(broker, "#") as stranger,
    ):
        publish = shop.mqtt.macro_messages().publish
        publish(topic="a/b", payload={"on": True})
        heard = await stranger.until("a/b")
        assert (heard.json, heard.qos, heard.retain) == ({"on": True}, 1, False)
        publish("/light", "on", qos="2", retain="True", use_prefix="true")
        heard = await stranger.until("shop/light")
        assert (heard.payload, heard.qos) == (b"on", 2)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"topic": "a", "qos": 3}, "expected 0 to 2"),
        ({"topic": "a", "qos": "x"}, "expected 0 to 2"),
        ({"topic": "a", "payload": "x" * (1024 * 1024 + 1)}, "at most 1048576"),
        ({"topic": "request"}, "more than yours"),
        ({"topic": "a"}, "No connection"),
    ],
)
def test_a_refused_message_is_in_the_log_alone(
    caplog: pytest.LogCaptureFixture, arguments: dict[str, Any], reason: str
) -> None:
    def post(topic: str, payload: bytes, qos: int | None, retain: bool) -> None:
        raise ClientError(f"No connection: {json.dumps([topic, len(payload), qos, retain])}", 503)

    def check_role(topic: str, role: Role) -> None:
        if topic == "request" and role < Role.ADMIN:
            raise ClientError("which is more than yours", 403)

    with caplog.at_level(logging.WARNING):
        MacroMessages(post, check_role, lambda: "shop").publish(**arguments)
    assert reason in caplog.text
