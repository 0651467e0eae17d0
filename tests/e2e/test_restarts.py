"""Generation after generation in one process: nothing is left behind, nobody is turned away."""

import gc
import os
import socket
import tempfile
import threading
import weakref
from collections import Counter
from pathlib import Path

import pytest
import trio
import trio.lowlevel

from nurseries.client.channels import ChannelClosed
from nurseries.client.rpc_client import RpcClient
from nurseries.process.free_ports import free_port
from nurseries.testing.sockets import SocketDaemon, open_socket_daemon
from nurseries.virtual_printer.service import VirtualPrinterSettings
from tests.fakes.stalled_folder import StalledDisk
from tests.polling import PATIENCE_S

pytestmark = pytest.mark.e2e
QUICK = VirtualPrinterSettings(startup_s=0.01, restart_s=0.01)


def descriptors() -> Counter[str]:
    """What is open, by kind; the listing's own descriptor is the same in every count.

    Files of /proc are opened when first read and kept: they count only when opened twice.
    """
    kinds = []
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            continue
        kinds.append(target.partition(":")[0] if "[" in target else target)
    counts = Counter(kinds)
    return Counter({k: n for k, n in counts.items() if n > 1 or not k.startswith("/proc/")})


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes of this machine put files into the usual one."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))


Belongings = dict[str, Counter[str]]


def belongings(folder: Path) -> Belongings:
    """Everything that a generation could forget to give back."""
    statistics = trio.lowlevel.current_statistics()
    threads = (thread.name for thread in threading.enumerate())
    return {
        "descriptors": descriptors(),
        # Trio keeps idle worker threads for 10 s; their number only has a limit.
        "threads": Counter(name for name in threads if "Trio" not in name),
        "tasks": Counter({"living": statistics.tasks_living}),
        # Temporary files included, they are in this folder too.
        "files": Counter(str(path.relative_to(folder)) for path in folder.rglob("*")),
    }


def more(before: Belongings, now: Belongings) -> Belongings:
    """What has come since, and not gone; tests that ran earlier may give back theirs meanwhile."""
    return {kind: grown for kind, found in now.items() if (grown := found - before[kind])}


async def restarted(running: SocketDaemon) -> None:
    """Ask for a restart; return when the next generation answers."""
    number = running.daemon.generation.generation + 1
    running.daemon.restart()
    await running.daemon.wait_generation(number)
    async with running.connect() as client:
        assert (await client.call("server.nurseries"))["generation"] == number


async def scan(running: SocketDaemon) -> None:
    """Have the printer's file read, whose pictures come with that; the worker ends by a restart."""
    async with running.connect() as client:
        await client.call("server.files.metascan", filename="calibration_cube.gcode")


async def most_held(running: SocketDaemon) -> Belongings:
    """The most that three generations hold from their begin on: what has begun by when differs."""
    most: Belongings = {}
    for _ in range(3):
        await restarted(running)
        await running.wait_klippy()
        with trio.move_on_after(1):
            while True:
                found = belongings(running.paths.data)
                most = {kind: most.get(kind, Counter()) | held for kind, held in found.items()}
                await trio.sleep(0.05)
    return most


async def left_behind(folder: Path, before: Belongings) -> Belongings:
    """What is held besides, once tasks that were just cancelled are gone; a leak never goes."""
    limit = trio.current_time() + PATIENCE_S
    while (left := more(before, belongings(folder))) and trio.current_time() < limit:  # noqa: ASYNC110
        await trio.sleep(0.01)
    return left


async def test_80_restarts_leave_nothing_behind(tmp_path: Path) -> None:
    with trio.fail_after(300):
        async with open_socket_daemon(tmp_path, settings=QUICK) as running:
            await scan(running)
            before = await most_held(running)
            first = running.daemon.generation.generation
            for number in range(80):
                await restarted(running)
                if number % 10 == 0:
                    await running.wait_klippy()
            assert running.daemon.generation.generation == first + 80
            assert not await left_behind(tmp_path, before)
            assert threading.active_count() < 20


async def test_restarts_under_connected_clients_leave_nothing_behind(tmp_path: Path) -> None:
    async def stay(connected: trio.Event, client: RpcClient) -> None:
        await client.call("printer.objects.subscribe", objects={"toolhead": None})
        connected.set()
        with pytest.raises(ChannelClosed):
            await client.wait_for("notify_of_nothing")

    async def be_client(running: SocketDaemon, kind: str, connected: trio.Event) -> None:
        opened = running.connect() if kind == "unix" else running.connect_websocket()
        async with opened as client:
            await stay(connected, client)

    with trio.fail_after(120):
        async with open_socket_daemon(tmp_path, settings=QUICK) as running:
            await scan(running)
            before = await most_held(running)
            for _ in range(5):
                async with trio.open_nursery() as nursery:
                    for kind in ("unix", "websocket", "websocket"):
                        connected = trio.Event()
                        nursery.start_soon(be_client, running, kind, connected)
                        await connected.wait()
                    silent = await trio.open_tcp_stream("127.0.0.1", running.port)
                    await silent.send_all(b"GET /server/in")
                    await restarted(running)
                    await silent.aclose()
                await running.wait_klippy()
            assert not await left_behind(tmp_path, before)


async def test_restart_by_a_client_is_answered_before_its_connection_ends(tmp_path: Path) -> None:
    with trio.fail_after(60):
        async with open_socket_daemon(tmp_path, settings=QUICK) as running:
            async with running.connect() as unix, running.connect_websocket() as web:
                assert await unix.call("server.restart") == "ok"
                with pytest.raises(ChannelClosed, match="without a close frame"):
                    await web.wait_for("notify_of_nothing")
            await running.wait_generation(2)
            async with running.connect() as unix:
                tree = await unix.call("server.nurseries")
    assert tree["generation"] == 2
    assert {node["state"] for node in tree["nurseries"]} == {"running"}


async def test_a_disk_that_stalls_delays_a_restart_and_nothing_else(tmp_path: Path) -> None:
    disk = StalledDisk("moonraker.conf")
    with trio.fail_after(60):
        async with open_socket_daemon(disk.folder(tmp_path), settings=QUICK) as running:
            async with running.connect_websocket() as web:
                disk.answers.clear()
                assert await web.call("server.restart") == "ok"
                await disk.asked.wait()
                assert await web.call("printer.emergency_stop") == "ok"
                await running.wait_klippy("shutdown")
                # Who connects waits for the next generation, but not for a disk.
                async with running.connect_websocket() as late, running.connect() as unix:
                    for client in (late, unix):
                        info = await client.call("server.info")
                        assert any("the disk does not give" in text for text in info["warnings"])
                    assert await web.call("server.restart") == "ok"
                    async with running.connect() as later:
                        assert (await later.call("server.nurseries"))["generation"] == 1
                disk.answers.set()
            # It was asked for once more while the disk was read.
            await running.daemon.wait_generation(3)
            async with running.connect() as unix:
                assert (await unix.call("server.info"))["warnings"] == []


async def test_what_is_written_behind_the_reading_counts_with_the_next_restart(
    tmp_path: Path,
) -> None:
    """Though that is asked for before the first one is over."""
    disk = StalledDisk(".moonraker.conf.bkp")  # it is looked at once all is read
    with trio.fail_after(20):
        async with open_socket_daemon(disk.folder(tmp_path), settings=QUICK) as running:
            file = running.paths.config / "moonraker.conf"
            disk.answers.clear()
            running.daemon.restart()
            await disk.asked.wait()
            text = file.read_text()
            file.write_text(text.replace("[server]", "[server]\nmax_websocket_connections: 77"))
            running.daemon.restart()
            disk.answers.set()
            await running.daemon.wait_generation(3)
            async with running.connect() as unix:
                config = (await unix.call("server.config"))["config"]
                assert config["server"]["max_websocket_connections"] == 77


async def listens(port: int) -> bool:
    try:
        async with await trio.open_tcp_stream("127.0.0.1", port):
            return True
    except OSError:
        return False


async def test_a_restart_that_waits_for_the_disk_can_be_ended(tmp_path: Path) -> None:
    disk = StalledDisk("moonraker.conf")
    with trio.fail_after(60):
        async with open_socket_daemon(disk.folder(tmp_path), settings=QUICK) as running:
            disk.answers.clear()
            try:
                running.daemon.restart()
                await disk.asked.wait()
                running.daemon.stop()
                while await listens(running.port):  # noqa: ASYNC110 - another task closes it
                    await trio.sleep(0.01)
                assert not disk.answers.is_set()
            finally:
                disk.answers.set()


async def test_a_broken_configuration_keeps_the_last_good_one(tmp_path: Path) -> None:
    with trio.fail_after(60):
        async with open_socket_daemon(tmp_path, settings=QUICK) as running:
            file = running.paths.config / "moonraker.conf"
            good = file.read_text()
            for broken, told in (
                (good + "[server\n", "moonraker.conf:"),
                (good.replace("[server]\n", "[server]\nmax_connections: many\n"), "many"),
                ("", "[server]"),
            ):
                file.write_text(broken)
                await restarted(running)
                async with running.connect() as client:
                    warnings = (await client.call("server.info"))["warnings"]
                    config = await client.call("server.config")
                kept = [text for text in warnings if "stays in force" in text]
                assert len(kept) == 1, warnings
                assert told in kept[0]
                assert config["config"]["server"]["port"] == running.port
            file.write_text(good)
            await restarted(running)
            async with running.connect() as client:
                assert (await client.call("server.info"))["warnings"] == []


async def test_a_restart_can_change_the_port(tmp_path: Path) -> None:
    with trio.fail_after(60):
        async with open_socket_daemon(tmp_path, settings=QUICK) as running:
            file = running.paths.config / "moonraker.conf"
            text, other = file.read_text(), free_port()
            file.write_text(text.replace(str(running.port), str(other)))
            await restarted(running)
            stream = await trio.open_tcp_stream("127.0.0.1", other)
            await stream.send_all(b"GET /server/info HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")
            await stream.aclose()
            with pytest.raises(OSError, match=r"127\.0\.0\.1"):
                await trio.open_tcp_stream("127.0.0.1", running.port)
            async with running.connect() as client:
                assert (await client.call("server.info"))["klippy_connected"]


async def test_a_restart_to_an_address_that_is_not_ours_stays_where_it_was(
    tmp_path: Path,
) -> None:
    with trio.fail_after(60):
        async with open_socket_daemon(tmp_path, settings=QUICK) as running:
            file = running.paths.config / "moonraker.conf"
            text = file.read_text()
            file.write_text(text.replace("host: 127.0.0.1", "host: 192.0.2.7"))
            for _ in range(2):
                await restarted(running)
                async with running.connect_websocket() as client:
                    warnings = (await client.call("server.info"))["warnings"]
                (warning,) = [text for text in warnings if "192.0.2.7" in text]
                assert "still listening where it was before" in warning
            file.write_text(text)
            await restarted(running)
            async with running.connect_websocket() as client:
                assert (await client.call("server.info"))["warnings"] == []


async def test_a_restart_to_a_taken_port_stays_where_it_was(tmp_path: Path) -> None:
    with trio.fail_after(60), socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        async with open_socket_daemon(tmp_path, settings=QUICK) as running:
            file = running.paths.config / "moonraker.conf"
            text = file.read_text()
            file.write_text(text.replace(str(running.port), str(taken)))
            await restarted(running)
            async with running.connect_websocket() as client:
                warnings = (await client.call("server.info"))["warnings"]
            assert any(f"Port {taken} is in use" in warning for warning in warnings), warnings
            # Two such restarts in a row say it once; a good one no longer says it.
            await restarted(running)
            async with running.connect() as client:
                again = (await client.call("server.info"))["warnings"]
            assert len([text for text in again if "is in use" in text]) == 1
            file.write_text(text)
            await restarted(running)
            async with running.connect_websocket() as client:
                assert (await client.call("server.info"))["warnings"] == []


async def test_a_generation_that_has_ended_is_let_go(tmp_path: Path) -> None:
    async with open_socket_daemon(tmp_path, settings=QUICK) as running:
        running.daemon.owns_process = True
        ended = weakref.ref(running.daemon.generation)
        running.daemon.restart()
        with trio.fail_after(60):
            await running.daemon.wait_generation(2)
            await trio.lowlevel.checkpoint()  # the daemon's own step ends
        assert ended() is None
    gc.unfreeze()
