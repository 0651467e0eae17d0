"""JSON-RPC over MQTT: answers, roles, time stamps, bursts, junk."""

import functools
import json

import trio

from tests.transports.mqtt.house import open_mqtt

REQUEST, RESPONSE = "shop/moonraker/api/request", "shop/moonraker/api/response"


def rpc(method, id=1, **params):
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": id})


async def in_thread(sync, *args, **kwargs):
    return await trio.to_thread.run_sync(functools.partial(sync, *args, **kwargs))


async def test_first(broker):
    async with open_mqtt(broker.port, enable_moonraker_api=True) as shop:
        with broker.stranger() as stranger:
            await in_thread(stranger.subscribe, "shop/#")
            got = await in_thread(stranger.until, "shop/moonraker/status")
            assert got.json == {"server": "online"}
            stranger.publish(REQUEST, rpc("server.temperature_store"))
            got = await in_thread(stranger.until, RESPONSE)
            assert got.json["id"] == 1, got.json
            print(got.json)
