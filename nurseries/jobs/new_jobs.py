"""Jobs as they enter the queue: of files that exist, each with an id of its own."""

import os
from collections.abc import Sequence

from mrk.errors import ClientError
from mrk.jobs.job_protocols import JobFiles
from mrk.jobs.queue import QueuedJob


async def new_jobs(
    files: JobFiles,
    filenames: Sequence[str],
    now: float,
    user: str | None,
    copies: int,
    note: str | None,
) -> list[QueuedJob]:
    """One for each name; raises `ClientError` for a file that does not exist."""
    names = [name.removeprefix("/") for name in filenames]
    for name in names:
        if not await files.exists(name):
            raise ClientError(f"File '{name:.200}' does not exist")
    return [QueuedJob(os.urandom(8).hex().upper(), name, now, user, copies, note) for name in names]
