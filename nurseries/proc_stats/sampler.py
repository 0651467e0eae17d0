"""Samples the resource usage of this process and of the host once a second.

Owns the last 30 samples, the newest readings of /proc and /sys.
Run by the root as an optional subsystem; ends when cancelled. Its beat also measures the lag.
"""

import resource
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import msgspec
import trio

from mrk.api.endpoint import Endpoint
from mrk.machine.cpu import CpuTimes, cpu_usage, parse_stat
from mrk.machine.host import parse_thermal_zone, parse_uptime
from mrk.machine.host_commands import Commands
from mrk.machine.lag import LagHistogram, LagMs, LoopLag
from mrk.machine.memory import parse_meminfo, parse_statm
from mrk.machine.network import parse_net_dev, with_bandwidth
from mrk.machine.throttled import UNREADABLE
from mrk.metrics.histogram import Histogram
from nurseries.proc_stats.endpoints import ProcStatsEndpoints
from nurseries.proc_stats.host_files import KeptFile, read_once
from nurseries.proc_stats.samples import HostUsage, ProcessSample, ProcStatsAnswer, ProcStatUpdate
from nurseries.proc_stats.throttled import ThrottledReader

INTERVAL_S = 1.0
THROTTLED_INTERVAL_S = 10.0
KEPT_SAMPLES = 30


class NotifiedClients(Protocol):
    """The connected clients, as far as the sampler needs them."""

    def __len__(self) -> int: ...

    def broadcast(self, method: str, params: list[Any] | None = None) -> None: ...


class ProcStats:
    """The proc stats sampler. `proc` and `sys` are where the kernel's file systems are mounted."""

    def __init__(
        self,
        clients: NotifiedClients,
        commands: Commands,
        *,
        proc: Path = Path("/proc"),
        sys: Path = Path("/sys"),
        vcgencmd: str = "vcgencmd",
        wall_time: Callable[[], float] = time.time,
        cpu_time: Callable[[], float] = time.process_time,
    ) -> None:
        self._clients = clients
        self._wall_time = wall_time
        self._cpu_time = cpu_time
        self._uptime_file = proc / "uptime"
        self._statm = KeptFile(proc / "self/statm")
        self._stat = KeptFile(proc / "stat")
        self._net_dev = KeptFile(proc / "net/dev")
        self._meminfo = KeptFile(proc / "meminfo")
        self._thermal = KeptFile(sys / "class/thermal/thermal_zone0/temp")
        self._throttled = ThrottledReader(sys, vcgencmd, commands)
        self._page_bytes = resource.getpagesize()
        self._samples: deque[ProcessSample] = deque(maxlen=KEPT_SAMPLES)
        self._host = HostUsage()
        self._cores: dict[str, CpuTimes] = {}
        self._lag = LoopLag()

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return ProcStatsEndpoints(self.read).endpoints()

    @property
    def late_s(self) -> Histogram:
        """All lateness of this generation, in seconds."""
        return self._lag.late_s

    def lag_ms(self) -> LagMs:
        """How late the event loop came to the sampler's beat, in milliseconds."""
        return self._lag.lag_ms()

    def lag_histogram(self) -> LagHistogram:
        """How its lateness is spread since the generation began."""
        return self._lag.histogram()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Sample and notify until cancelled."""
        with (
            closing(self._statm),
            closing(self._stat),
            closing(self._net_dev),
            closing(self._meminfo),
            closing(self._thermal),
        ):
            async with trio.open_nursery() as nursery:
                if self._throttled.present:
                    nursery.start_soon(self._watch_throttled, name="throttled watch")
                task_status.started()
                await self._sample_forever()

    async def read(self) -> ProcStatsAnswer:
        """The samples and readings; the throttled bits and the uptime are read now."""
        return ProcStatsAnswer(
            **msgspec.structs.asdict(self._host),
            moonraker_stats=list(self._samples),
            throttled_state=await self._throttled.read(),
            system_uptime=parse_uptime(read_once(self._uptime_file)),
            websocket_connections=len(self._clients),
        )

    async def _sample_forever(self) -> None:
        due = sampled_at = trio.current_time()
        cpu_s = self._cpu_time()
        # The first reading is what the first sample, a second later, is compared with.
        self._read_host(elapsed_s=0.0)
        while True:
            due += INTERVAL_S
            await trio.sleep_until(due)
            now, cpu_now_s = trio.current_time(), self._cpu_time()
            self._lag.note(now - due)
            elapsed_s = now - sampled_at
            self._sample(elapsed_s, cpu_now_s - cpu_s)
            self._notify()
            sampled_at, cpu_s = now, cpu_now_s
            # Beats that passed while the loop or the host slept are left out, not caught up.
            due += (now - due) // INTERVAL_S * INTERVAL_S

    def _sample(self, elapsed_s: float, cpu_s: float) -> None:
        memory_kb = parse_statm(self._statm.read(), self._page_bytes)
        self._samples.append(
            ProcessSample(
                time=self._wall_time(),
                cpu_usage=round(100 * cpu_s / elapsed_s, 2),
                memory=memory_kb,
                mem_units=None if memory_kb is None else "kB",
            )
        )
        self._read_host(elapsed_s)

    def _read_host(self, elapsed_s: float) -> None:
        cores = parse_stat(self._stat.read())
        self._host = HostUsage(
            cpu_temp=parse_thermal_zone(self._thermal.read()),
            network=with_bandwidth(
                self._host.network, parse_net_dev(self._net_dev.read()), elapsed_s
            ),
            system_cpu_usage=cpu_usage(self._cores, cores),
            system_memory=parse_meminfo(self._meminfo.read()),
        )
        self._cores = cores

    def _notify(self) -> None:
        if not len(self._clients):
            return
        update = ProcStatUpdate(
            **msgspec.structs.asdict(self._host),
            moonraker_stats=self._samples[-1],
            websocket_connections=len(self._clients),
        )
        self._clients.broadcast("notify_proc_stat_update", [update])

    async def _watch_throttled(self) -> None:
        due, bits = trio.current_time(), 0
        while True:
            due = max(due + THROTTLED_INTERVAL_S, trio.current_time())
            await trio.sleep_until(due)
            state = await self._throttled.read()
            # A failed reading says nothing about the bits.
            if state is not None and state != UNREADABLE and state.bits != bits:
                bits = state.bits
                self._clients.broadcast("notify_cpu_throttled", [state])
