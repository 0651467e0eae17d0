"""What the sampler's beat costs, and descriptions of the host that clients ask for.

In this process, on this host's /proc and /sys: the beat runs on a clock that jumps, so that
thousands of seconds take one; what is counted is processor time.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import trio
import trio.testing

from benchmarks.figures import Figure
from benchmarks.plan import Plan
from benchmarks.statistics import NS_PER_US
from mrk.machine.machine_protocols import InstanceIds, UnitStatus
from nurseries.machine.peripherals import Peripherals
from nurseries.machine.system_info import SystemInfoReader
from nurseries.proc_stats.sampler import ProcStats
from nurseries.process.host_commands import HostCommands

_SAMPLES = 1000  # a round
_REQUESTS = 100  # a round


class _OneClient:
    """A client whose notification is encoded, and goes nowhere."""

    def __len__(self) -> int:
        return 1

    def broadcast(self, method: str, params: list[Any] | None = None) -> None:
        msgspec.json.encode({"jsonrpc": "2.0", "method": method, "params": params})


class _Services:
    """As many services as a usual host has."""

    provider = "systemd_dbus"
    available_services = ("klipper", "klipper_mcu", "moonraker")
    instance_ids = InstanceIds("moonraker", "klipper")

    @property
    def service_state(self) -> dict[str, UnitStatus]:
        return dict.fromkeys(self.available_services, UnitStatus("active", "running"))


def measure_proc_stats(plan: Plan) -> list[Figure]:
    """Microseconds of CPU for a sample with its notification, and for requests."""
    info = SystemInfoReader(_Services())
    peripherals = Peripherals(HostCommands())
    samples = [_beat_us() for _ in range(plan.rounds)]
    return [
        Figure.of(
            samples,
            name="proc_stats",
            what="proc stats sample: CPU",
            unit="us",
            budget=1000,
            note="with its notification encoded; /proc and /sys of this host",
        ),
        _asked("system_info", info.read, plan),
        _asked("peripherals.usb", peripherals.usb, plan),
        _asked("peripherals.serial", peripherals.serial, plan),
    ]


def _beat_us() -> float:
    async def run() -> int:
        sampler = ProcStats(_OneClient(), HostCommands())
        async with trio.open_nursery() as nursery:
            await nursery.start(sampler.serve)
            began = time.process_time_ns()
            await trio.sleep(_SAMPLES + 0.5)
            spent = time.process_time_ns() - began
            nursery.cancel_scope.cancel()
        return spent

    clock = trio.testing.MockClock(autojump_threshold=0)
    return trio.run(run, clock=clock) / NS_PER_US / _SAMPLES


def _asked(name: str, ask: Callable[[], Awaitable[object]], plan: Plan) -> Figure:
    async def run() -> list[float]:
        await ask()  # the first one imports, and reads what does not change
        samples = []
        for _ in range(plan.rounds):
            began = time.process_time_ns()
            for _ in range(_REQUESTS):
                await ask()
            samples.append((time.process_time_ns() - began) / NS_PER_US / _REQUESTS)
        return samples

    samples = trio.run(run)
    return Figure.of(
        samples,
        name=f"machine_{name.replace('.', '_')}",
        what=f"machine.{name}: CPU per request",
        unit="us",
        note="one after the other, all threads, without the transport",
    )
