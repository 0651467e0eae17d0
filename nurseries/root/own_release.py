"""The proof of a release that was just switched to; nothing where mrk was installed otherwise."""

import sys
from pathlib import Path

import trio


async def prove_own_release(
    unix_socket: Path, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Returns at once unless this is a release that has yet to prove itself."""
    task_status.started()
    folder = Path(sys.prefix)
    if folder.parent.name != "releases" or not (folder.parent.parent / "pending").exists():
        return
    # Only for half a minute after an update.
    from nurseries.installation.release_proof import prove
    from nurseries.installation.releases import Releases

    releases = Releases.of_this_process()
    if releases is not None:
        await prove(releases, unix_socket)
