"""Notifications of what a call changed, sent behind that call's answer, as Moonraker sends them.

Run as a service of the generation, an essential one; what waits when it is cancelled is sent then.
"""

from collections import deque

import trio

from mrk.api.notification import SharedMessage
from mrk.clients.registry import AFTER_ANSWER_S, Clients

# More at once are sent without waiting for answers.
MOST_WAITING = 100


class NoticesBehindAnswers:
    """Sends what `Clients.broadcast_behind_answer` is given, in that order."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._waiting: deque[tuple[float, SharedMessage]] = deque()
        self._wake = trio.Event()
        clients.on_later(self._take)

    def _take(self, message: SharedMessage) -> None:
        self._waiting.append((trio.current_time() + AFTER_ANSWER_S, message))
        if len(self._waiting) > MOST_WAITING:
            self._send_first()
        self._wake.set()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Send what is due; returns only when cancelled."""
        task_status.started()
        try:
            while True:
                while self._waiting:
                    await trio.sleep_until(self._waiting[0][0])
                    # It may have been sent meanwhile, for want of room.
                    while self._waiting and self._waiting[0][0] <= trio.current_time():
                        self._send_first()
                self._wake = trio.Event()
                await self._wake.wait()
        finally:
            while self._waiting:
                self._send_first()

    def _send_first(self) -> None:
        self._clients.send(self._waiting.popleft()[1])
