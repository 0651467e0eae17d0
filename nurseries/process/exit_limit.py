"""Leaves the process when an ending takes too long; the service manager starts it again.

No deadline ends a wait for a thread that the kernel does not let go, as on a share whose server has
died. What all threads were at is written then. One instance a process, which it owns.
"""

import faulthandler


class ExitLimit:
    """`shutdown_s` is for a whole shutdown, `generation_s` for a generation before the next one."""

    def __init__(self, shutdown_s: float, generation_s: float) -> None:
        self._shutdown_s = shutdown_s
        self._generation_s = generation_s
        self._is_final = False

    def shutdown(self) -> None:
        """The process ends, whatever else was limited."""
        self._is_final = True
        faulthandler.dump_traceback_later(self._shutdown_s, exit=True)

    def generation_ends(self) -> None:
        """All of a generation ends, for the next one."""
        if not self._is_final:
            faulthandler.dump_traceback_later(self._generation_s, exit=True)

    def generation_ended(self) -> None:
        """Nothing of it is left."""
        if not self._is_final:
            faulthandler.cancel_dump_traceback_later()

    def left(self) -> None:
        """Nothing is left at all."""
        faulthandler.cancel_dump_traceback_later()
