"""The client beside a scripted daemon on a memory stream."""

import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import trio
import trio.testing
from pytest_trio import trio_fixture

from mrk.errors import ClientError
from mrk.klippy.etx import EtxDecoder, etx_frame
from nurseries.client.channels import (
    CannotConnect,
    ChannelClosed,
    EtxChannel,
    open_websocket_channel,
)
from nurseries.client.rpc_client import CallFailed, RpcClient, open_rpc_client
from nurseries.command_line.call import parse_arguments
from nurseries.command_line.watch import parse_objects


class ScriptedDaemon:
    """The other end: hears calls, says what it is told."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self._decoder = EtxDecoder(100_000)
        self._heard: list[bytes] = []

    async def hear(self) -> dict[str, Any]:
        while not self._heard:
            self._heard += self._decoder.feed(bytes(await self.stream.receive_some()))
        message: dict[str, Any] = json.loads(self._heard.pop(0))
        return message

    async def say(self, *messages: Any) -> None:
        frames = (etx_frame(json.dumps(message).encode()) for message in messages)
        await self.stream.send_all(b"".join(frames))


@trio_fixture
async def pair() -> AsyncIterator[tuple[RpcClient, ScriptedDaemon]]:
    ours, theirs = trio.testing.memory_stream_pair()
    async with open_rpc_client(EtxChannel(ours)) as client:
        yield client, ScriptedDaemon(theirs)


async def test_answers_find_their_calls_in_any_order(
    pair: tuple[RpcClient, ScriptedDaemon],
) -> None:
    client, daemon = pair
    results: dict[str, Any] = {}

    async def ask(method: str) -> None:
        results[method] = await client.call(method, a=1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, "first")
        one = await daemon.hear()
        nursery.start_soon(ask, "second")
        two = await daemon.hear()
        assert one["params"] == {"a": 1}
        await daemon.say({"id": two["id"], "result": 2}, {"id": one["id"], "result": 1})
    assert results == {"first": 1, "second": 2}


async def test_an_error_answer_is_raised(pair: tuple[RpcClient, ScriptedDaemon]) -> None:
    client, daemon = pair

    async def answer() -> None:
        call = await daemon.hear()
        error = {"code": 400, "message": "no such thing", "data": {"x": 1}}
        await daemon.say({"id": call["id"], "error": error})

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        with pytest.raises(CallFailed, match="no such thing") as caught:
            await client.call("x")
    assert (caught.value.code, caught.value.data) == (400, {"x": 1})


async def test_waiting_calls_end_with_the_connection(
    pair: tuple[RpcClient, ScriptedDaemon],
) -> None:
    client, daemon = pair

    async def leave() -> None:
        await daemon.hear()
        await daemon.stream.aclose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(leave)
        with pytest.raises(ChannelClosed):
            await client.call("x")
    assert client.lost is not None
    with pytest.raises(ChannelClosed):
        await client.call("y")
    with pytest.raises(ChannelClosed):
        await client.wait_for("notify_x")


@pytest.mark.parametrize("said", [b"hello", b"\xff", b"[" * 100_000])
async def test_who_does_not_speak_json(pair: tuple[RpcClient, ScriptedDaemon], said: bytes) -> None:
    client, daemon = pair
    await daemon.stream.send_all(etx_frame(said))
    with trio.fail_after(5), pytest.raises(ChannelClosed, match="no JSON"):
        await client.call("x")


async def test_answers_of_other_shapes(pair: tuple[RpcClient, ScriptedDaemon]) -> None:
    client, daemon = pair
    await daemon.say([1], 5, {"id": [1]}, {"id": True, "result": 1}, {"result": 2})

    async def answer() -> None:
        call = await daemon.hear()
        await daemon.say({"id": call["id"], "error": "no such thing"})

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        with pytest.raises(CallFailed, match="no such thing"):
            await client.call("x")


async def test_a_cancelled_call_is_forgotten(pair: tuple[RpcClient, ScriptedDaemon]) -> None:
    client, daemon = pair
    with trio.move_on_after(0):
        await client.call("slow")
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.call, "slow")
            late = await daemon.hear()
            scope.cancel()
    await daemon.say({"id": late["id"], "result": "too late"})

    async def answer() -> None:
        call = await daemon.hear()
        await daemon.say({"id": call["id"], "result": "in time"})

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        assert await client.call("next") == "in time"


async def test_notifications_nobody_reads_do_not_stop_answers(
    pair: tuple[RpcClient, ScriptedDaemon],
) -> None:
    client, daemon = pair
    await daemon.say(*({"method": "notify_x", "params": [n]} for n in range(1500)))

    async def answer() -> None:
        call = await daemon.hear()
        await daemon.say({"id": call["id"], "result": "ok"})

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        assert await client.call("x") == "ok"
    assert client.dropped_notifications == 500
    assert await client.wait_for("notify_x") == [0]


@pytest.mark.parametrize(
    ("words", "params"),
    [
        (["filename=a b.gcode"], {"filename": "a b.gcode"}),
        (["count=3", "raw=true"], {"count": 3, "raw": True}),
        (['objects={"toolhead": null}'], {"objects": {"toolhead": None}}),
        (["script=G1 X=5"], {"script": "G1 X=5"}),
        (["empty="], {"empty": ""}),
    ],
)
def test_arguments_of_the_command_line(words: list[str], params: dict[str, Any]) -> None:
    assert parse_arguments(words) == params


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1", "ws://a..b/websocket", "ws://x:y/", "ws://ä..b/"]
)
async def test_addresses_that_cannot_be_connected_to(address: str) -> None:
    with pytest.raises(CannotConnect, match=re.escape(address)):
        async with open_websocket_channel(address):
            pass


@pytest.mark.parametrize("word", ["filename", "=x", ""])
def test_words_that_are_no_arguments(word: str) -> None:
    with pytest.raises(ClientError, match="write key=value"):
        parse_arguments([word])


def test_objects_of_the_command_line() -> None:
    parse: Callable[..., Any] = parse_objects
    assert parse(["extruder=temperature, target", "toolhead", "fan="]) == {
        "extruder": ["temperature", "target"],
        "toolhead": None,
        "fan": None,
    }
