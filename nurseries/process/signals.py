"""Turns SIGTERM, SIGINT and SIGHUP into endings: of the daemon, or of this generation.

`Signals.serve` belongs outside of all generations, so that no signal meets the default action
between two of them. It ends when cancelled.
"""

import signal
from collections.abc import Callable

import trio

_STOPPING = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """Calls `on_stop` once, at the first SIGTERM or SIGINT; `on_restart` at each SIGHUP before it.

    Both callbacks run in the event loop and must not block: they cancel a scope or set an event.
    A second SIGTERM or SIGINT ends the process at once, by the kernel, so that it also helps
    against a shutdown or an event loop that hangs.
    """

    def __init__(
        self, *, on_stop: Callable[[signal.Signals], None], on_restart: Callable[[], None]
    ) -> None:
        self._on_stop = on_stop
        self._on_restart = on_restart
        self._stopping = False

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen until cancelled; `started` when no signal is missed any more."""
        try:
            with trio.open_signal_receiver(*_STOPPING, signal.SIGHUP) as received:
                task_status.started()
                async for number in received:
                    self._on_signal(signal.Signals(number))
        finally:
            if self._stopping:
                # The receiver gave back Python's own handlers; a second signal must still be sure.
                _leave_to_kernel()

    def _on_signal(self, number: signal.Signals) -> None:
        if number not in _STOPPING:
            if not self._stopping:
                self._on_restart()
        elif self._stopping:
            # It came in the same instant as the first one, before the kernel had the word.
            signal.raise_signal(number)
        else:
            self._stopping = True
            _leave_to_kernel()
            self._on_stop(number)


def _leave_to_kernel() -> None:
    for number in _STOPPING:
        signal.signal(number, signal.SIG_DFL)
