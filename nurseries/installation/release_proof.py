"""A new release proves itself: it answers for half a minute. Then the launcher keeps it.

Runs only while `pending` lies in the folder of releases. Whether Klipper is there says nothing
about a release, so that is not asked.
"""

import logging
from pathlib import Path

import trio

from mrk.errors import MrkError
from nurseries.installation.daemon_probe import ask
from nurseries.installation.releases import Releases

logger = logging.getLogger(__name__)
ANSWERS = 7
EVERY_S = 5.0


async def prove(
    releases: Releases,
    unix_socket: Path,
    *,
    every_s: float = EVERY_S,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Ask this daemon's own socket, until it has answered often enough in a row."""
    task_status.started()
    good = 0
    while good < ANSWERS:
        await trio.sleep(every_s)
        try:
            await trio.to_thread.run_sync(ask, unix_socket, "server.info", abandon_on_cancel=True)
        except MrkError as exc:
            logger.warning("this release has yet to prove itself: %s", exc)
            good = 0
        else:
            good += 1
    await trio.to_thread.run_sync(_keep, releases)
    logger.info("this release has proved itself and is kept")


def _keep(releases: Releases) -> None:
    try:
        releases.prove()
        with releases.alone():
            releases.tidy()
    except MrkError as exc:
        logger.info("older releases stay until the next proof: %s", exc)
    except OSError as exc:
        logger.error("the proof of this release cannot be noted: %s", exc)
