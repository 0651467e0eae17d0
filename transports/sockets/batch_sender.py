"""Sends a burst to the clients beyond those that it is sent to at once, some at a time.

One task for all of them: a task for each would be ready at the same time, and they would run before
anybody else is served. A service of the generation; without it clients send for themselves.
"""

import trio

from mrk.clients.send_batch import SendBatch


class BatchSender:
    """Serves the rest of one batch."""

    def __init__(self, batch: SendBatch) -> None:
        self._batch = batch

    async def serve(self) -> None:
        """Until cancelled."""
        wanted = trio.Event()

        def wake() -> None:
            wanted.set()

        self._batch.on_rest = wake
        try:
            while True:
                while self._batch.send_some():
                    await trio.lowlevel.checkpoint()
                await wanted.wait()
                wanted = trio.Event()
        finally:
            self._batch.on_rest = None
