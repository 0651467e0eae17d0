"""Notifications of what a call changed, sent behind that call's answer, as Moonraker sends them.

Run as a service of the generation, an essential one; what waits when it is cancelled is sent then.
"""

from collections import deque
from collections.abc import Callable

import trio

from mrk.clients.registry import AFTER_ANSWER_S, Clients

# More at once are told without waiting for answers.
MOST_WAITING = 100
# An answer may come through as many tasks: of a device, of a call for several, of the connection.
TASKS_TO_AN_ANSWER = 5


class NoticesBehindAnswers:
    """Calls what `Clients.behind_answer` is given, in that order."""

    def __init__(self, clients: Clients) -> None:
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()
        self._wake = trio.Event()
        clients.on_later(self._take)

    def _take(self, tell: Callable[[], None]) -> None:
        self._waiting.append((trio.current_time() + AFTER_ANSWER_S, tell))
        if len(self._waiting) > MOST_WAITING:
            self._tell_first()
        self._wake.set()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Tell what is due; returns only when cancelled."""
        task_status.started()
        try:
            while True:
                while self._waiting:
                    await trio.sleep_until(self._waiting[0][0])
                    now = trio.current_time()
                    # Where the processor was taken away the time is over and no task has run.
                    for _ in range(TASKS_TO_AN_ANSWER):
                        await trio.lowlevel.checkpoint()
                    # It may have been told meanwhile, for want of room.
                    while self._waiting and self._waiting[0][0] <= now:
                        self._tell_first()
                self._wake = trio.Event()
                await self._wake.wait()
        finally:
            while self._waiting:
                self._tell_first()

    def _tell_first(self) -> None:
        _due, tell = self._waiting.popleft()
        tell()
