"""What is measured each second, and what of it clients are sent."""

import msgspec

from mrk.machine.network import InterfaceUsage
from mrk.machine.throttled import ThrottledState


class ProcessSample(msgspec.Struct, frozen=True):
    """This process at `time` (Unix): percent of one core since the sample before, memory held."""

    time: float
    cpu_usage: float
    memory: int | None
    mem_units: str | None


class HostUsage(msgspec.Struct, frozen=True):
    """The host as of the newest sample; percent by core, memory in kB, each empty if unknown."""

    cpu_temp: float | None = None
    network: dict[str, InterfaceUsage] = {}
    system_cpu_usage: dict[str, float] = {}
    system_memory: dict[str, int] = {}


class ProcStatUpdate(HostUsage, frozen=True, kw_only=True):
    """What `notify_proc_stat_update` carries."""

    moonraker_stats: ProcessSample
    websocket_connections: int


class ProcStatsAnswer(HostUsage, frozen=True, kw_only=True):
    """What `machine.proc_stats` answers."""

    moonraker_stats: list[ProcessSample]
    throttled_state: ThrottledState | None
    system_uptime: float
    websocket_connections: int
