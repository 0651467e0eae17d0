"""What drivers have in common whose device speaks only when it is asked."""

import trio

from mrk.power.driver import Report


class AskedDriver:
    """Nothing runs between requests."""

    least_s = 0.0
    initialises_each_time = False

    async def run(
        self, report: Report, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Only wait."""
        task_status.started()
        await trio.sleep_forever()
