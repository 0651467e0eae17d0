import resource
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from nurseries.proc_stats.sampler import ProcStats
from tests.fakes.commands import FakeCommands, said

RECORDED = Path(__file__).parents[2] / "data/machine"
SYS_THROTTLED = "devices/platform/soc/soc:firmware/get_throttled"


class Listeners:
    """Connected clients that decode what they are sent."""

    def __init__(self, connected: int = 1) -> None:
        self.connected = connected
        self.heard: list[tuple[str, Any]] = []

    def __len__(self) -> int:
        return self.connected

    def broadcast(self, method: str, params: list[Any] | None = None) -> None:
        (payload,) = msgspec.to_builtins(params)
        self.heard.append((method, payload))

    def params_of(self, method: str) -> list[Any]:
        return [payload for name, payload in self.heard if name == method]


class Ticking:
    """A clock that gains `step` with each look."""

    def __init__(self, start: float, step: float) -> None:
        self.now, self.step = start - step, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copytree(RECORDED, tmp_path, dirs_exist_ok=True)
    return tmp_path


def proc_stats(tree: Path, clients: Listeners, commands: FakeCommands | None = None) -> ProcStats:
    return ProcStats(
        clients,
        commands or FakeCommands(),
        proc=tree / "proc",
        sys=tree / "sys",
        vcgencmd=str(tree / "vcgencmd"),
        wall_time=Ticking(1719000100.0, 1.0),
        cpu_time=Ticking(5.0, 0.02),
    )


@asynccontextmanager
async def serving(sampler: ProcStats) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        await nursery.start(sampler.serve)
        await trio.testing.wait_all_tasks_blocked()
        yield
        nursery.cancel_scope.cancel()


async def answer(sampler: ProcStats) -> dict[str, Any]:
    return msgspec.to_builtins(await sampler.read())


def put_vcgencmd(tree: Path) -> None:
    (tree / "vcgencmd").write_text("#!/bin/sh\n")
    (tree / "vcgencmd").chmod(0o755)


def rewrite(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


async def test_a_sample_a_second_reaches_clients(
    tree: Path, autojump_clock: trio.testing.MockClock
) -> None:
    clients = Listeners(connected=2)
    async with serving(proc_stats(tree, clients)):
        rewrite(tree / "proc/stat", "cpu0 1000 0 300 8500", "cpu0 1050 0 300 8650")
        rewrite(tree / "proc/net/dev", "1200345", "1205345")
        await trio.sleep(1.5)
    (update,) = clients.params_of("notify_proc_stat_update")
    assert update["moonraker_stats"] == {
        "time": 1719000100.0,
        "cpu_usage": 2.0,
        "memory": 10303 * resource.getpagesize() // 1024,
        "mem_units": "kB",
    }
    assert update["cpu_temp"] == 47.24
    assert update["system_cpu_usage"] == {"cpu": 0.0, "cpu0": 25.0, "cpu1": 0.0}
    assert update["system_memory"] == {"total": 3884340, "available": 3100200, "used": 784140}
    assert update["network"]["eth0"] == {
        "rx_bytes": 1205345,
        "tx_bytes": 998001,
        "rx_packets": 8123,
        "tx_packets": 7011,
        "rx_errs": 0,
        "tx_errs": 0,
        "rx_drop": 0,
        "tx_drop": 0,
        "bandwidth": 5000.0,
    }
    assert update["websocket_connections"] == 2


async def test_the_answer_has_the_last_thirty_samples_oldest_first(
    tree: Path, autojump_clock: trio.testing.MockClock
) -> None:
    sampler = proc_stats(tree, Listeners(connected=0))
    async with serving(sampler):
        await trio.sleep(30.5)
        times = [s["time"] for s in (await answer(sampler))["moonraker_stats"]]
        assert times == [1719000100.0 + n for n in range(30)]
        await trio.sleep(1)
        assert len((await answer(sampler))["moonraker_stats"]) == 30
        assert (await answer(sampler))["moonraker_stats"][0]["time"] == 1719000101.0


async def test_nobody_connected_is_told_nothing_but_samples_are_kept(
    tree: Path, autojump_clock: trio.testing.MockClock
) -> None:
    clients = Listeners(connected=0)
    sampler = proc_stats(tree, clients)
    async with serving(sampler):
        await trio.sleep(3.5)
        assert clients.heard == []
        assert len((await answer(sampler))["moonraker_stats"]) == 3


async def test_before_the_first_sample_the_answer_is_complete_in_shape(tree: Path) -> None:
    assert await answer(proc_stats(tree, Listeners(connected=0))) == {
        "moonraker_stats": [],
        "throttled_state": None,
        "cpu_temp": None,
        "network": {},
        "system_cpu_usage": {},
        "system_memory": {},
        "system_uptime": 86400.25,
        "websocket_connections": 0,
    }


async def test_a_host_without_any_of_the_files_gives_empty_objects(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    sampler = proc_stats(tmp_path, Listeners())
    async with serving(sampler):
        await trio.sleep(1.5)
        found = await answer(sampler)
    assert found["moonraker_stats"][0] | {"time": 0, "cpu_usage": 0} == {
        "time": 0,
        "cpu_usage": 0,
        "memory": None,
        "mem_units": None,
    }
    assert (found["network"], found["system_cpu_usage"], found["system_memory"]) == ({}, {}, {})
    assert (found["cpu_temp"], found["system_uptime"]) == (None, 0.0)


async def test_files_that_turn_to_junk_or_vanish_do_not_end_the_sampler(
    tree: Path, autojump_clock: trio.testing.MockClock
) -> None:
    sampler = proc_stats(tree, Listeners())
    async with serving(sampler):
        await trio.sleep(1.5)
        (tree / "proc/meminfo").write_bytes(b"\xff\x00" * 100_000)
        (tree / "proc/stat").write_bytes(b"cpu " * 100_000)
        (tree / "proc/net/dev").write_bytes(b"")
        (tree / "proc/self/statm").write_bytes(b"\xff")
        (tree / "sys/class/thermal/thermal_zone0/temp").write_bytes(b"9" * 100_000)
        await trio.sleep(1)
        found = await answer(sampler)
        assert (found["network"], found["system_cpu_usage"], found["system_memory"]) == ({}, {}, {})
        assert found["cpu_temp"] is None
        assert found["moonraker_stats"][-1]["memory"] is None
        await trio.sleep(1)
        assert len((await answer(sampler))["moonraker_stats"]) == 3


async def test_a_file_that_appears_later_is_read(
    tree: Path, autojump_clock: trio.testing.MockClock
) -> None:
    hidden = (tree / "proc/meminfo").rename(tree / "hidden")
    sampler = proc_stats(tree, Listeners())
    async with serving(sampler):
        await trio.sleep(1.5)
        assert (await answer(sampler))["system_memory"] == {}
        hidden.rename(tree / "proc/meminfo")
        await trio.sleep(1)
        assert (await answer(sampler))["system_memory"]["total"] == 3884340


async def test_descriptors_are_given_back_when_cancelled(
    tree: Path, autojump_clock: trio.testing.MockClock
) -> None:
    def open_here() -> int:
        links = [fd for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()]
        return sum(str(tree) in str(link.readlink()) for link in links)

    async with serving(proc_stats(tree, Listeners())):
        await trio.sleep(1.5)
        assert open_here() == 5
    assert open_here() == 0


async def test_lag_is_how_late_the_beat_came(
    tree: Path, mock_clock: trio.testing.MockClock
) -> None:
    sampler = proc_stats(tree, Listeners())
    async with serving(sampler):
        mock_clock.jump(1.25)
        await trio.testing.wait_all_tasks_blocked()
        assert sampler.lag_ms().latest == 250.0
        mock_clock.jump(0.75)
        await trio.testing.wait_all_tasks_blocked()
        assert sampler.lag_ms().latest == 0.0
        assert sampler.lag_ms().worst_last_minute == 250.0


async def test_missed_beats_are_left_out_and_the_grid_is_kept(
    tree: Path, mock_clock: trio.testing.MockClock
) -> None:
    clients = Listeners()
    async with serving(proc_stats(tree, clients)):
        mock_clock.jump(5.5)
        await trio.testing.wait_all_tasks_blocked()
        assert len(clients.heard) == 1
        mock_clock.jump(0.25)
        await trio.testing.wait_all_tasks_blocked()
        assert len(clients.heard) == 1
        mock_clock.jump(0.25)
        await trio.testing.wait_all_tasks_blocked()
        assert len(clients.heard) == 2


async def test_throttled_changes_are_told_every_ten_seconds_also_when_they_clear(
    tree: Path, autojump_clock: trio.testing.MockClock
) -> None:
    put_vcgencmd(tree)
    commands = FakeCommands({"get_throttled": said(b"throttled=0x0\n")})
    clients = Listeners()
    async with serving(proc_stats(tree, clients, commands)):
        await trio.sleep(10.5)
        assert clients.params_of("notify_cpu_throttled") == []
        commands.answers["get_throttled"] = said(b"throttled=0x50000\n")
        await trio.sleep(20)
        commands.answers["get_throttled"] = said(b"garbage")
        await trio.sleep(10)
        commands.answers["get_throttled"] = said(b"throttled=0x0\n")
        await trio.sleep(10)
    assert clients.params_of("notify_cpu_throttled") == [
        {"bits": 0x50000, "flags": ["Previously Under-Volted", "Previously Throttled"]},
        {"bits": 0, "flags": []},
    ]


async def test_a_hanging_vcgencmd_is_ended_and_shown_as_unreadable(
    tree: Path, autojump_clock: trio.testing.MockClock
) -> None:
    put_vcgencmd(tree)
    commands = FakeCommands({"get_throttled": None})
    sampler = proc_stats(tree, Listeners(), commands)
    began = trio.current_time()
    found = await answer(sampler)
    assert found["throttled_state"] == {"bits": 0, "flags": ["?"]}
    assert trio.current_time() - began <= 2.1
    assert commands.cancelled == 1


async def test_callers_at_the_same_time_share_one_process(
    tree: Path, autojump_clock: trio.testing.MockClock
) -> None:
    put_vcgencmd(tree)
    commands = FakeCommands({"get_throttled": said(b"throttled=0x1\n")})
    sampler = proc_stats(tree, Listeners(), commands)
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(answer, sampler)
    assert len(commands.asked) == 1
    await trio.sleep(1)
    assert (await answer(sampler))["throttled_state"]["bits"] == 1
    assert len(commands.asked) == 2


async def test_the_firmware_file_is_preferred_to_a_process(
    tree: Path, autojump_clock: trio.testing.MockClock
) -> None:
    put_vcgencmd(tree)
    file = tree / "sys" / SYS_THROTTLED
    file.parent.mkdir(parents=True)
    file.write_text("80008\n")
    commands, clients = FakeCommands(), Listeners()
    sampler = proc_stats(tree, clients, commands)
    flags = ["Temperature Limit Active", "Previously Temperature Limited"]
    assert (await answer(sampler))["throttled_state"] == {"bits": 0x80008, "flags": flags}
    async with serving(sampler):
        await trio.sleep(10.5)
    assert clients.params_of("notify_cpu_throttled") == [{"bits": 0x80008, "flags": flags}]
    file.unlink()
    assert (await answer(sampler))["throttled_state"] == {"bits": 0, "flags": ["?"]}
    assert commands.asked == []


async def test_this_machine_itself_is_understood(autojump_clock: trio.testing.MockClock) -> None:
    sampler = ProcStats(Listeners(), FakeCommands())
    async with serving(sampler):
        await trio.sleep(1.5)
        found = await answer(sampler)
    assert found["moonraker_stats"][0]["memory"] > 1000
    assert {"cpu", "cpu0"} <= set(found["system_cpu_usage"])
    assert "lo" in found["network"]
    assert found["system_memory"]["total"] > found["system_memory"]["available"] > 0
    assert found["system_uptime"] > 0


async def test_the_answer_and_the_notification_encode_as_json(
    tree: Path, autojump_clock: trio.testing.MockClock
) -> None:
    sampler = proc_stats(tree, Listeners())
    async with serving(sampler):
        await trio.sleep(1.5)
        found = await sampler.read()
    assert msgspec.json.decode(msgspec.json.encode(found))["cpu_temp"] == 47.24
