import pytest

from nurseries.client.rpc_client import CallFailed, RpcClient
from nurseries.testing.memory import MemoryDaemon
from nurseries.testing.sockets import SocketDaemon
from nurseries.virtual_printer.service import VirtualPrinter


async def test_a_print_of_many_minutes_takes_a_moment(
    mrk_client: RpcClient, autojump_clock: object
) -> None:
    subscribed = await mrk_client.call(
        "printer.objects.subscribe", objects={"print_stats": ["state"]}
    )
    assert subscribed["status"] == {"print_stats": {"state": "standby"}}
    await mrk_client.call("printer.print.start", filename="calibration_cube.gcode")
    states = []
    while "complete" not in states:
        delta, _eventtime = await mrk_client.wait_for("notify_status_update")
        states.append(delta["print_stats"]["state"])
    assert states == ["printing", "complete"]
    status = await mrk_client.call("printer.objects.query", objects={"print_stats": None})
    assert status["status"]["print_stats"]["filament_used"] > 0


async def test_websocket_over_memory_streams(mrk_daemon: MemoryDaemon) -> None:
    async with mrk_daemon.connect_websocket() as client:
        info = await client.call("server.info")
        assert info["klippy_state"] == "ready"
        assert info["websocket_count"] == 1


async def test_the_printer_can_be_asked_for_its_state(
    mrk_printer: VirtualPrinter, mrk_client: RpcClient
) -> None:
    await mrk_client.call("printer.emergency_stop")
    await mrk_client.wait_for("notify_klippy_shutdown")
    assert mrk_printer.state == "shutdown"
    with pytest.raises(CallFailed, match="Shutdown due to webhooks request"):
        await mrk_client.call("printer.gcode.script", script="G28")


@pytest.mark.e2e
async def test_real_sockets(mrk_socket_daemon: SocketDaemon) -> None:
    async with mrk_socket_daemon.connect() as unix, mrk_socket_daemon.connect_websocket() as web:
        assert (await unix.call("server.info"))["websocket_count"] == 2
        assert (await web.call("printer.info"))["state"] == "ready"
