"""From starting the daemon to its first answer, and what it costs while nobody asks."""

import time

from benchmarks.daemon import open_daemon, open_linked, open_printer, temporary_folder
from benchmarks.figures import Figure
from benchmarks.plan import Plan
from benchmarks.process import MB, Memory, idle_share, memory

# By then the first start has had its modules bundled, as one of an installed mrk has.
WARM_UP_S = 14.0


def measure_start(plan: Plan) -> list[Figure]:
    """Seconds until GET /server/info answers 200, with byte code on disk."""
    samples, cpu_samples = [], []
    with temporary_folder() as folder, open_printer(folder) as klippy:
        for number in range(plan.starts + 1):
            with open_daemon(folder, klippy) as daemon:
                if not number:  # it wrote the byte code and the folders
                    time.sleep(WARM_UP_S)
                else:
                    samples.append(daemon.answered_s)
                    cpu_samples.append(daemon.answered_cpu_s)
    note = "spawn until GET /server/info answers 200; after one start to warm up"
    return [
        Figure.of(
            samples,
            name="start",
            what="start to first answer",
            unit="s",
            budget=0.30,
            note=note,
        ),
        Figure.of(
            cpu_samples,
            name="start_cpu",
            what="start to first answer: CPU",
            unit="s",
            note=note,
        ),
    ]


def measure_idle(plan: Plan) -> list[Figure]:
    """Memory and processor share of a daemon that is linked and has no client."""
    with open_linked() as daemon:
        time.sleep(plan.settle_s)
        settled = memory(daemon.pid)
        share = idle_share(daemon.pid, plan.idle_s)
        later = memory(daemon.pid)
    return [
        _memory("idle_memory", "idle resident memory", settled),
        _memory("idle_memory_later", "idle resident memory, feeds polled", later),
        Figure(
            name="idle_cpu",
            what="idle CPU",
            value=share * 100,
            unit="% of a core",
            note=f"over {plan.idle_s:.0f} s, {plan.settle_s:.0f} s after the link was ready",
        ),
    ]


def _memory(name: str, what: str, used: Memory) -> Figure:
    return Figure(
        name=name,
        what=what,
        value=used.rss / MB,
        unit="MB",
        budget=38,
        note=f"smaps_rollup Rss; Pss {used.pss / MB:.1f} MB; linked, core sections, no client",
    )
