"""`[job_queue]` and `[history]`: how one print follows another.

Read by `read_job_queue`; `[history]` is known and has no options. Times are in seconds.
"""

import msgspec

from config.paths import Paths
from config.reader import ConfigReader
from config.values import Bounds

# Moonraker refuses 0, though it means what its default of 10 ms does.
_DELAY_S = Bounds(low=0, high=86_400, clamps=True)


class JobQueueSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the queue goes on."""

    # Start the next job when the printer becomes ready, without delay and g-code.
    load_on_startup: bool = False
    # Go on to the next job by itself after a job completes.
    automatic_transition: bool = False
    job_transition_delay_s: float = 0.01
    # Commands between two jobs, after the delay.
    job_transition_gcode: str = ""


def read_job_queue(reader: ConfigReader, paths: Paths) -> JobQueueSettings:
    """Read `[job_queue]`; mistakes and warnings go to `reader`."""
    reader.section("history")
    section = reader.section("job_queue")
    default, before = JobQueueSettings(), len(reader.problems)
    settings = JobQueueSettings(
        load_on_startup=section.boolean("load_on_startup", default.load_on_startup),
        automatic_transition=section.boolean("automatic_transition", default.automatic_transition),
        job_transition_delay_s=section.number(
            "job_transition_delay", default.job_transition_delay_s, _DELAY_S
        ),
        job_transition_gcode=section.text("job_transition_gcode", default.job_transition_gcode),
    )
    if len(reader.problems) > before:
        # A pause that cannot be read must not become none between two prints.
        return default
    return settings
