"""The job queue as it is believed, and as the database holds it: two only while a disk is full.

Owned by `JobQueue`, which runs `catch_up`; `QueueChanges` holds `changing` around a change, from
`read` to `write`.
"""

import logging

import trio

from mrk.database.database_protocols import TablesPort
from mrk.errors import ClientError
from mrk.jobs.queue import Queue
from mrk.log.throttle import LogThrottle
from nurseries.jobs.pending_writes import RETRY_S
from nurseries.jobs.queue_store import read_queue, write_queue

logger = logging.getLogger(__name__)


class StoredQueue:
    """`believed` is None when what is stored has to be read: nobody waited for a write to end."""

    def __init__(self, database: TablesPort) -> None:
        self._database = database
        # One change is computed, written and only then believed, before the next is looked at.
        self.changing = trio.Lock()
        self.believed: Queue | None = None
        # None: unknown.
        self._stored: Queue | None = None
        self._fell_behind = trio.Event()
        self._throttle = LogThrottle()

    @property
    def _is_behind(self) -> bool:
        return self.believed is not None and self.believed != self._stored

    def forget(self) -> None:
        """Believe what is stored, unless something of this run is not."""
        if self._is_behind:
            self._fell_behind.set()
        else:
            self.believed = None

    async def read(self) -> Queue:
        """From the database. Raises `ClientError`."""
        self.believed = self._stored = await self._database.run(read_queue)
        return self.believed

    async def write(self, old: Queue, new: Queue, *, happened: bool) -> None:
        """Make `new` of `old`. Raises `ClientError`, after which `old` is believed.

        What `happened` is believed in any case, and written when it can be.
        """
        # A caller that is cancelled leaves None: the next one reads what was stored.
        self.believed = old if self._is_behind else None
        base, self._stored = self._stored, None
        try:
            await self._database.run(
                lambda c: write_queue(c, read_queue(c) if base is None else base, new),
                durable=True,
            )
        except ClientError as exc:
            self.believed, self._stored = old, base
            if not happened:
                raise
            text = f"the job queue is not stored yet, tried again: {exc.message}"
            self._throttle.log(logger, text, trio.current_time())
            self.believed = new
            self._fell_behind.set()
        else:
            self.believed = self._stored = new

    async def catch_up(self) -> None:
        """Write what could not be written when it happened; ends when cancelled."""
        while True:
            await self._fell_behind.wait()
            self._fell_behind = trio.Event()
            await trio.sleep(RETRY_S)
            async with self.changing:
                if self.believed is not None and self._is_behind:
                    await self.write(self.believed, self.believed, happened=True)
