import json
import logging
from pathlib import Path

import msgspec
import pytest
import trio
import trio.testing
from trio.abc import Stream
from trio.testing import MockClock

from mrk.api.caller import Caller, Transport
from mrk.api.rpc import Rpc
from mrk.clients.registry import Clients
from mrk.errors import ClientError
from nurseries.klippy.link import KlippyLink
from tests.fakes.house import House, notes, open_house
from tests.fakes.klippy import FakeKlippy

RECORDINGS = Path(__file__).parents[2] / "data" / "klippy"


async def refused(house: House, method: str, status: int, **params: object) -> str:
    with pytest.raises(ClientError) as error:
        await house.call(method, params)
    assert error.value.status == status
    return error.value.message


async def test_without_a_connection_requests_are_503(autojump_clock: MockClock) -> None:
    klippy = FakeKlippy()
    klippy.up = False
    async with open_house(klippy) as house:
        message = await refused(house, "printer.print.pause", 503)
        assert message == "Klippy Host not connected"


async def test_endpoints_stay_after_a_disconnect(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        assert await house.call("printer.gcode.help") == {"G28": "Home"}
        house.klippy.up = False
        await house.klippy.close()
        await house.settle()
        assert await refused(house, "printer.gcode.help", 503) == "Klippy Host not connected"


async def test_replies_may_overtake(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        house.klippy.silent.add("gcode/script")
        done = []

        async def script(name: str) -> None:
            await house.call("printer.gcode.script", {"script": name})
            done.append(name)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(script, "first")
            first = await house.klippy.wait_for("gcode/script", 1)
            nursery.start_soon(script, "second")
            second = await house.klippy.wait_for("gcode/script", 2)
            assert await house.call("printer.gcode.help") == {"G28": "Home"}
            await house.klippy.answer(second)
            await house.settle()
            await house.klippy.answer(first)
        assert done == ["second", "first"]


async def test_what_a_client_asks_at_once_comes_to_klipper_in_its_order(
    autojump_clock: MockClock,
) -> None:
    script, pause = "gcode/script", "pause_resume/pause"
    asked = [
        ("printer.gcode.script", {"script": "SAVE_GCODE_STATE"}, script),
        ("printer.print.pause", {}, pause),
        ("printer.gcode.script", {"script": "G28"}, script),
        ("printer.pause_resume.pause", {}, pause),
        ("printer.objects.query", {"objects": {"toolhead": None}}, "objects/query"),
        ("printer.print.resume", {}, "pause_resume/resume"),
        ("printer.print.start", {"filename": "a.gcode"}, script),
        ("printer.gcode.script", {"script": "M114"}, script),
        ("printer.print.cancel", {}, "pause_resume/cancel"),
        ("printer.restart", {}, script),
        ("printer.gcode.script", {"script": "M115"}, script),
        ("printer.firmware_restart", {}, script),
        ("printer.gcode.script", {"script": "M118"}, script),
    ]
    async with open_house() as house:
        await house.until_ready()
        house.klippy.silent |= {name for *_, name in asked}
        before = len(house.klippy.requests)
        rpc = Rpc(house.table, trio.lowlevel.checkpoint, 100)
        for method, params, _ in asked:
            message = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
            outcome = rpc.handle(json.dumps(message).encode(), lambda: Caller(Transport.WEBSOCKET))
            assert outcome.asked is not None
        await house.settle()
        came = house.klippy.requests[before:]
    assert [request["method"] for request in came] == [name for *_, name in asked]
    scripts = [request["params"]["script"] for request in came if request["method"] == script]
    start = 'SDCARD_PRINT_FILE FILENAME="a.gcode"'
    assert scripts[2:] == [start, "M114", "RESTART", "M115", "FIRMWARE_RESTART", "M118"]


@pytest.mark.parametrize(
    ("method", "params"),
    [("printer.emergency_stop", {}), ("printer.gcode.script", {"script": "M112"})],
)
async def test_an_emergency_stop_is_sent_where_it_is_asked_for(
    method: str, params: dict[str, str], autojump_clock: MockClock
) -> None:
    """Not in a task of its own, for which others may have to be done first."""
    async with open_house() as house:
        await house.until_ready()
        house.klippy.answers["emergency_stop"] = lambda _params: {}
        before = len(house.klippy.requests)
        rpc = Rpc(house.table, trio.lowlevel.checkpoint, 100)
        outcomes = [
            rpc.handle(
                json.dumps({"jsonrpc": "2.0", "method": name, "params": given, "id": 1}).encode(),
                lambda: Caller(Transport.WEBSOCKET),
            )
            for name, given in ((method, params), ("printer.gcode.script", {"script": "M115"}))
        ]
        assert all(outcome.asked is not None for outcome in outcomes)
        answer = await outcomes[0].wait()
        assert answer is not None
        assert json.loads(answer)["result"] == "ok"
        came = [request["method"] for request in house.klippy.requests[before:]]
    assert came[0] == "emergency_stop"


async def test_everything_that_waits_fails_as_a_whole(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        house.klippy.silent |= {"gcode/script", "objects/subscribe"}
        client = house.client()
        messages = []

        async def wait(method: str, **params: object) -> None:
            with pytest.raises(ClientError) as error:
                await house.call(method, params, client)
            messages.append((error.value.message, error.value.status))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: wait("printer.gcode.script", script="G28"))
            nursery.start_soon(lambda: wait("printer.objects.subscribe", objects={"a": None}))
            await house.settle()
            await house.klippy.close()
        assert messages == [("Klippy Disconnected", 503)] * 2
        assert house.link.klippy_state == "disconnected"
        assert notes(client) == [("notify_klippy_disconnected", [])]


async def test_a_request_of_a_cancelled_caller_is_forgotten(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_house() as house:
        await house.until_ready()
        house.klippy.silent.add("gcode/script")
        with trio.move_on_after(1) as scope:
            await house.call("printer.gcode.script", {"script": "G28"})
        assert scope.cancelled_caught
        with caplog.at_level(logging.INFO):
            await house.klippy.answer(house.klippy.requests[-1])
            await house.settle()
        assert caplog.text == ""
        assert await house.call("printer.gcode.help") == {"G28": "Home"}


async def test_pending_requests_are_logged_each_minute(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_house() as house:
        await house.until_ready()
        house.klippy.silent.add("gcode/script")
        with caplog.at_level(logging.INFO), trio.move_on_after(181):
            await house.call("printer.gcode.script", {"script": "M109 S200"})
        lines = [line for line in caplog.messages if "gcode/script" in line]
        assert [line.rsplit(" ", 2)[1] for line in lines] == ["60", "120", "180"]


async def test_junk_is_skipped_and_logged_rarely(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_house() as house:
        await house.until_ready()
        for _ in range(5):
            await house.klippy.send_bytes(b"{junk\x03" * 9)
            await house.klippy.send({"id": 10_000, "result": {}}, {"no": "method"})
        await house.settle()
        assert house.klippy.connections == 1
        assert await house.call("printer.gcode.help") == {"G28": "Home"}
        assert len([line for line in caplog.messages if "junk" in line]) == 1


async def test_ten_junk_frames_in_a_row_close_the_link(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        await house.klippy.send_bytes(b"[]\x03" * 10)
        await house.settle()
        assert house.link.klippy_state == "disconnected"
        await house.until_ready()
        assert house.klippy.connections == 2


@pytest.mark.parametrize(
    "message",
    [
        {"method": "process_status_update"},
        {"method": "process_status_update", "params": {"status": None, "eventtime": None}},
        {"method": "process_status_update", "params": {"status": {"webhooks": None, "a": 5}}},
        {"method": "process_status_update", "params": {"status": {"webhooks": {"state": None}}}},
        {"method": "process_gcode_response", "params": {"response": None}},
        {"method": "process_gcode_response"},
        {"method": 5, "params": 5},
        {"id": [1], "result": {}},
        {"id": True, "result": {}},
        {"id": 1.0, "result": {}},
        {"id": "x", "error": None},
        {},
    ],
)
async def test_odd_messages_of_forks_are_survived(
    message: object, autojump_clock: MockClock
) -> None:
    async with open_house() as house:
        await house.until_ready()
        await house.klippy.send(message)
        await house.settle()
        assert house.link.klippy_state == "ready"
        assert await house.call("printer.gcode.help") == {"G28": "Home"}


async def test_replies_without_result_and_with_odd_errors(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        house.klippy.silent.add("gcode/script")
        answers: list[object] = []

        async def ask() -> None:
            try:
                result = await house.call("printer.gcode.script", {"script": "x"})
            except ClientError as exc:
                result = (exc.status, exc.message)
            answers.append(result)

        for odd in ({}, {"result": None}, {"error": "text"}, {"error": {"message": 5}}):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ask)
                await house.settle()
                await house.klippy.send({"id": house.klippy.requests[-1]["id"], **odd})
        assert answers == ["ok", "ok", (400, "text"), (400, "5")]


async def test_frames_split_at_any_place(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        client = house.client()
        text = json.dumps({"method": "process_gcode_response", "params": {"response": "hello"}})
        for byte in text.encode() + b"\x03":
            await house.klippy.send_bytes(bytes([byte]))
            await house.settle()
        assert notes(client) == [("notify_gcode_response", ["hello"])]


async def test_cut_off_in_mid_frame(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        await house.klippy.send_bytes(b'{"id": 5, "resu')
        await house.klippy.close()
        await house.settle()
        await house.until_ready()
        assert await house.call("printer.gcode.help") == {"G28": "Home"}


async def test_a_klipper_that_does_not_read_is_reported_and_bounded(
    autojump_clock: MockClock,
) -> None:
    """Producers never wait for the socket, and output does not grow without bound."""
    ours, theirs = trio.testing.lockstep_stream_pair()

    async def open_stream() -> Stream:
        await trio.lowlevel.checkpoint()
        return ours

    link = KlippyLink(open_stream, Clients())
    failures = []

    async def ask() -> None:
        try:
            await link.request("gcode/script", {"script": "x" * 1_000_000})
        except ClientError as exc:
            failures.append((exc.status, exc.message))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.serve)
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(8):
            nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        assert failures == [(503, "Klippy Host does not read its requests")] * 4
        nursery.start_soon(lambda: link.request("emergency_stop", urgent=True))
        await trio.testing.wait_all_tasks_blocked()
        assert len(failures) == 4
        nursery.cancel_scope.cancel()
    await theirs.aclose()


async def test_an_emergency_stop_overtakes_what_waits_for_klipper(
    autojump_clock: MockClock,
) -> None:
    ours, theirs = trio.testing.lockstep_stream_pair()

    async def open_stream() -> Stream:
        await trio.lowlevel.checkpoint()
        return ours

    link = KlippyLink(open_stream, Clients())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.serve)
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(200):
            nursery.start_soon(link.request, "gcode/script", {"script": "x" * 10_000})
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(lambda: link.request("emergency_stop", urgent=True))
        await trio.testing.wait_all_tasks_blocked()
        received = b""
        while b"emergency_stop" not in received:
            received += await theirs.receive_some()
        # What was being sent, and nothing of what waited behind it.
        assert received.count(b"gcode/script") <= 6
        frames = received.split(b"\x03")
        assert all(msgspec.json.decode(frame) for frame in frames[:-1])
        nursery.cancel_scope.cancel()
    await theirs.aclose()


async def test_many_restarts_leave_nothing(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        before = trio.lowlevel.current_statistics().tasks_living
        for _ in range(20):
            await house.klippy.close()
            await house.settle()
            await house.until_ready()
        assert trio.lowlevel.current_statistics().tasks_living == before


async def test_cancelling_the_link_closes_its_stream(autojump_clock: MockClock) -> None:
    klippy = FakeKlippy()
    streams = []

    async def open_stream() -> Stream:
        streams.append(await klippy.open_stream())
        return streams[-1]

    link = KlippyLink(open_stream, Clients())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(klippy.serve)
        with trio.move_on_after(1):
            await link.serve()
        assert link.klippy_state == "disconnected"
        with pytest.raises(trio.ClosedResourceError):
            await streams[0].send_all(b"x")
        nursery.cancel_scope.cancel()


async def test_cancelling_the_link_fails_what_waits(autojump_clock: MockClock) -> None:
    klippy = FakeKlippy()
    klippy.silent.add("gcode/script")
    link = KlippyLink(klippy.open_stream, Clients())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(klippy.serve)
        async with trio.open_nursery() as generation:
            generation.start_soon(link.serve)
            await trio.testing.wait_all_tasks_blocked()

            async def end_soon() -> None:
                await klippy.wait_for("gcode/script")
                generation.cancel_scope.cancel()

            nursery.start_soon(end_soon)
            with (
                pytest.raises(ClientError, match="Klippy Disconnected"),
                trio.CancelScope(shield=True),
            ):
                await link.request("gcode/script", {"script": "M190"})
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("method", ["info", "list_endpoints", "objects/subscribe", "objects/list"])
async def test_a_link_lost_in_its_set_up_begins_anew(
    method: str, autojump_clock: MockClock
) -> None:
    klippy = FakeKlippy()
    klippy.silent.add(method)
    async with open_house(klippy) as house:
        await klippy.wait_for(method)
        await klippy.close()
        klippy.silent.clear()
        await house.until_ready()
        assert klippy.connections == 2
        assert len(klippy.asked("gcode/subscribe_output")) in (1, 2)


async def test_recorded_emergency_stop(autojump_clock: MockClock) -> None:
    lines = (RECORDINGS / "emergency_stop.jsonl").read_text().splitlines()
    async with open_house() as house:
        await house.until_ready()
        client = house.client()
        for line in map(json.loads, lines):
            if "message" in line:
                await house.klippy.send(line["message"])
        await house.settle()
        assert house.link.klippy_state == "shutdown"
        assert house.link.klippy_message.startswith("Shutdown due to webhooks request")
        assert [method for method, _ in notes(client)] == [
            "notify_gcode_response",
            "notify_klippy_shutdown",
        ]
