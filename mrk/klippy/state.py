"""Klipper's state as seen over one connection, and what is announced of it.

    connected: startup --info--> (set-up runs) --finish--> ready | error | shutdown | other
    set up:    any --webhooks--> shutdown (announced once) | ready (set-up runs again) | other

`state` reads startup until the set-up is finished. States of forks are carried as they are.
One object per connection, dropped with it.
"""

from mrk.klippy.events import Ready, Shutdown

DISCONNECTED = "disconnected"
STARTUP = "startup"
READY = "ready"
ERROR = "error"
SHUTDOWN = "shutdown"


class KlippyState:
    """The state machine of one connection."""

    def __init__(self) -> None:
        self.reported = STARTUP
        self.message = ""
        self.preparing = True
        self._first: str | None = None

    @property
    def state(self) -> str:
        """The host view, `klippy_state`."""
        return STARTUP if self.preparing else self.reported

    def on_info(self, state: object, message: object) -> bool:
        """Take a reply to `info`; true when Klipper left its start-up. A null state keeps it."""
        self._take(state, message)
        if self._first is None:
            self._first = self.reported
        return self.reported != STARTUP

    def on_webhooks(self, state: object, message: object) -> list[Shutdown]:
        """Take fields of the `webhooks` object; returns what is to be announced now."""
        if not self._take(state, message) or self.preparing:
            return []
        if self.reported == READY:
            self.preparing, self._first = True, READY
        return [Shutdown(self.message)] if self.reported == SHUTDOWN else []

    def finish(self) -> list[Ready | Shutdown]:
        """End the set-up; returns what is to be announced.

        A shutdown that came during the set-up is announced here, one that was there before is not.
        """
        self.preparing = False
        if self.reported == READY:
            return [Ready()]
        if self.reported == SHUTDOWN and self._first != SHUTDOWN:
            return [Shutdown(self.message)]
        return []

    def _take(self, state: object, message: object) -> bool:
        """Note what fits; true when the state changed."""
        if isinstance(message, str):
            self.message = message
        if not isinstance(state, str) or state == self.reported:
            return False
        self.reported = state
        return True
