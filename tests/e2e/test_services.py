"""Services, power and sudo of a whole daemon, on a private bus with a stand-in for systemd."""

import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.e2e.processes import configure, run_daemon, run_printer, started
from tests.e2e.test_hostile import close_code
from tests.e2e.wire import PATIENCE_S, RpcFailed, UnixClient, open_websocket, receive_all
from tests.fakes.systemd import FakeSystemd, FakeUnit, PrivateBus

pytestmark = pytest.mark.e2e
CHANGED = "notify_service_state_changed"


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[PrivateBus]:
    bus = PrivateBus(tmp_path)
    bus.start()
    yield bus
    bus.kill()


async def in_thread(call: Callable[..., Any], *arguments: Any) -> Any:
    """Blocking clients wait in a thread, while the stand-in answers here."""
    with trio.fail_after(PATIENCE_S):
        return await trio.to_thread.run_sync(call, *arguments)


def until_service(client: UnixClient, service: str) -> dict[str, Any]:
    """system_info once the daemon has found that service."""
    limit = time.monotonic() + PATIENCE_S
    while time.monotonic() < limit:
        info: dict[str, Any] = client.call("machine.system_info")["system_info"]
        if service in info["available_services"]:
            return info
        client.receive()
    raise TimeoutError(service)


async def test_a_daemon_controls_services(tmp_path: Path, bus: PrivateBus) -> None:
    systemd = FakeSystemd({"klipper": FakeUnit(), "crowsnest": FakeUnit()})
    systemd.denied = {"PowerOff"}

    def talk(client: UnixClient) -> None:
        info = until_service(client, "klipper")
        assert info["provider"] == "systemd_dbus"
        assert info["available_services"] == ["crowsnest", "klipper"]
        assert info["instance_ids"] == {"moonraker": "moonraker", "klipper": "klipper"}
        up = {"active_state": "active", "sub_state": "running"}
        assert info["service_state"] == {"crowsnest": up, "klipper": up}
        assert client.call("machine.services.stop", service="klipper") == "ok"
        down = {"active_state": "inactive", "sub_state": "dead"}
        assert client.wait_for(CHANGED) == [{"klipper": down}]
        info = client.call("machine.system_info")["system_info"]
        assert info["service_state"]["klipper"] == down
        for rpc, params, told in (
            ("machine.services.restart", {"service": "nginx"}, "not allowed"),
            ("machine.services.restart", {}, "service"),
            ("machine.services.stop", {"service": "moonraker"}, "itself"),
        ):
            with pytest.raises(RpcFailed, match=told) as caught:
                client.call(rpc, **params)
            assert caught.value.code == 400
        assert client.call("machine.sudo.info")["sudo_access"] is None

    async with systemd.on(bus.address):
        with run_daemon(tmp_path, DBUS_SYSTEM_BUS_ADDRESS=bus.address) as daemon:
            with daemon.connect() as client:
                await in_thread(talk, client)
            assert (tmp_path / "moonraker.asvc").exists()
            assert "StopUnit klipper.service" in systemd.done
            code, seconds = await in_thread(daemon.process.end)
    assert (code, seconds < 2) == (0, True)


async def test_restarting_our_own_service_answers_first(tmp_path: Path, bus: PrivateBus) -> None:
    """No unit is ours here, so the daemon restarts within its process."""

    def talk(client: UnixClient) -> None:
        assert client.call("machine.services.restart", service="moonraker") == "ok"
        with pytest.raises(ConnectionError):
            client.wait_for("what never comes")

    async with FakeSystemd().on(bus.address):
        with run_daemon(tmp_path, DBUS_SYSTEM_BUS_ADDRESS=bus.address) as daemon:
            with daemon.connect() as client:
                await in_thread(talk, client)
            with daemon.connect() as client:
                assert (await in_thread(client.call, "server.info"))["klippy_state"]
            code, _ = await in_thread(daemon.process.end)
    assert code == 0


async def test_the_bus_dies_and_the_daemon_does_not(tmp_path: Path, bus: PrivateBus) -> None:
    systemd = FakeSystemd({"klipper": FakeUnit()})

    def refused(client: UnixClient) -> int:
        with pytest.raises(RpcFailed) as caught:
            client.call("machine.services.stop", service="klipper")
        return int(caught.value.code)

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(systemd.on(bus.address))
        daemon = stack.enter_context(run_daemon(tmp_path, DBUS_SYSTEM_BUS_ADDRESS=bus.address))
        client = stack.enter_context(daemon.connect())
        await in_thread(until_service, client, "klipper")
        bus.kill()
        assert await in_thread(refused, client) == 503
        systemd.units["klipper"].state = ("failed", "failed")
        bus.start()
        await stack.enter_async_context(systemd.on(bus.address))
        failed = {"active_state": "failed", "sub_state": "failed"}
        assert await in_thread(client.wait_for, CHANGED) == [{"klipper": failed}]
        info = await in_thread(client.call, "server.info")
        assert info["failed_components"] == []
        await in_thread(daemon.process.end)


def test_without_a_bus_a_daemon_says_so_and_runs(tmp_path: Path) -> None:
    with (
        run_daemon(tmp_path, DBUS_SYSTEM_BUS_ADDRESS="unix:path=/nowhere/bus") as daemon,
        daemon.connect() as client,
    ):
        while not (warnings := client.call("server.info")["warnings"]):
            client.receive()
        assert "systemd_dbus: no system bus at /nowhere/bus" in warnings[0]
        info = client.call("machine.system_info")["system_info"]
        assert info["available_services"] == []
        assert client.call("server.info")["failed_components"] == []


async def test_a_print_keeps_the_host_up(tmp_path: Path, bus: PrivateBus) -> None:
    systemd = FakeSystemd({"klipper": FakeUnit()})
    systemd.denied = {"Reboot"}

    def talk(client: UnixClient) -> None:
        until_service(client, "klipper")
        client.call("printer.print.start", filename="calibration_cube.gcode")
        with pytest.raises(RpcFailed, match=r"print is under way|container"):
            client.call("machine.reboot")
        with pytest.raises(RpcFailed, match=r"PolicyKit|container"):
            client.call("machine.reboot", force=True)

    port, address = configure(tmp_path), bus.address
    async with systemd.on(address):
        with (
            run_printer(tmp_path),
            started(
                ["-d", str(tmp_path)], tmp_path, port, DBUS_SYSTEM_BUS_ADDRESS=address
            ) as daemon,
        ):
            await in_thread(daemon.wait_klippy)
            with daemon.connect() as client:
                await in_thread(talk, client)


@pytest.mark.parametrize(("job", "tail"), [("restart", b""), ("stop", b"Server Shutdown")])
async def test_only_a_final_shutdown_sends_a_close_frame(
    tmp_path: Path, bus: PrivateBus, job: str, tail: bytes
) -> None:
    """`systemctl restart` and `systemctl stop` both send SIGTERM."""
    systemd = FakeSystemd({"mrk": FakeUnit()}, invocations={b"mrk": "mrk"}, queue={"mrk": job})
    environ = {"DBUS_SYSTEM_BUS_ADDRESS": bus.address, "INVOCATION_ID": b"mrk".hex()}
    async with systemd.on(bus.address):
        with run_daemon(tmp_path, **environ) as daemon, open_websocket(daemon.port) as client:
            code, seconds = await in_thread(daemon.process.end)
            said = await in_thread(receive_all, client)
    assert (code, seconds < 2) == (0, True)
    # Notifications may have come before it; a close frame is the last.
    assert (close_code(said) is not None, said.endswith(tail)) == (bool(tail), True)
