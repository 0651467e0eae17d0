"""Restarts services after an update, and says whether they came up.

Services that must wait (for a print that began meanwhile, or for their turn in an update of
everything) are kept, and restarted by `flush` in that turn, or by `flush_all` between updates.
"""

import logging
from collections.abc import Callable, Iterable

import trio

from mrk.machine.services import ManagedServices, ServiceError
from mrk.updates.item import Tell
from mrk.updates.update_errors import UpdateFailed

logger = logging.getLogger(__name__)
OWN, KLIPPER = "moonraker", "klipper"
# A service is up when it has been active for so long; within so long after its restart.
STEADY_S = 10.0
WATCH_S = 30.0
_BEAT_S = 0.25
# How often is looked whether what waits for the end of a print can be restarted.
POSTPONED_BEAT_S = 5.0
_DOWN = ("failed", "auto-restart")


class NotUp(UpdateFailed):
    """A service that ran before did not come up again."""


class Restarts:
    """`services` are the host's."""

    def __init__(
        self,
        services: ManagedServices,
        is_printing: Callable[[], bool],
        *,
        steady_s: float = STEADY_S,
        watch_s: float = WATCH_S,
        postponed_beat_s: float = POSTPONED_BEAT_S,
    ) -> None:
        self._services = services
        self._is_printing = is_printing
        self._steady_s = steady_s
        self._watch_s = watch_s
        self._postponed_beat_s = postponed_beat_s
        self._postponed: dict[str, None] = {}
        self._own_asked = False

    def postpone(self, names: Iterable[str]) -> None:
        """Have them restarted by the next `flush`."""
        self._postponed.update(dict.fromkeys(names))

    async def flush(self, names: Iterable[str], tell: Tell) -> None:
        """Restart those of `names` that were postponed; raises `NotUp`, and the rest waits on."""
        await self.restart([name for name in names if name in self._postponed], tell)

    async def restart(self, names: Iterable[str], tell: Tell) -> None:
        """Restart services and watch them; our own is restarted when all is said.

        Raises `NotUp`. While a print is under way they are only noted.
        """
        for name in dict.fromkeys(names):
            if self._is_printing():
                tell(f"Service {name} is restarted when the print has ended")
                self.postpone([name])
                continue
            self._postponed.pop(name, None)
            if name == OWN:
                self._own_asked = True
            elif name != KLIPPER and not self._services.is_allowed(name):
                tell(f"Service {name} is not restarted: moonraker.asvc does not name it")
            else:
                await self._restart(name, tell)

    def restart_own_if_asked(self) -> None:
        """Restart this server if an update wants it; the answer that is on its way gets out."""
        if self._own_asked:
            self._own_asked = False
            self._services.restart_own()

    async def keep_time(self, ask: Callable[[], None]) -> None:
        """Call `ask` as long as something waits and no print is under way, until cancelled."""
        while True:
            await trio.sleep(self._postponed_beat_s)
            if self._postponed and not self._is_printing():
                ask()

    async def flush_all(self) -> None:
        """Restart all that was postponed. Not while an update goes on, whose turn it may be."""
        for name in list(self._postponed):
            try:
                await self.flush([name], logger.info)
            except UpdateFailed as exc:
                logger.warning("%s", exc)
        self.restart_own_if_asked()

    async def _restart(self, name: str, tell: Tell) -> None:
        unit = self._services.instance_ids.klipper if name == KLIPPER else name
        before = self._services.service_state.get(unit)
        if before is None:
            tell(f"Service {unit} is not installed; it is not restarted")
            return
        tell(f"Restarting service {unit}...")
        failure: str | None = None
        try:
            await self._services.restart(unit)
        except ServiceError as exc:
            failure = str(exc)
        failure = failure or await self._watch(unit)
        if failure is None:
            return
        tell(f"Service {unit} did not come up: {failure}")
        if before.active_state == "active":
            raise NotUp(f"Service {unit} did not come up: {failure}")

    async def _watch(self, unit: str) -> str | None:
        """Why it is down; None once it has been up for a while."""
        end = trio.current_time() + self._watch_s
        up_since: float | None = None
        while True:
            state = self._services.service_state.get(unit)
            now = trio.current_time()
            if state is None:
                return "it is gone"
            if state.active_state in _DOWN or state.sub_state in _DOWN:
                return f"it is {state.active_state} ({state.sub_state})"
            if state.active_state != "active":
                up_since = None
            elif up_since is None:
                up_since = now
            if up_since is not None and now >= min(up_since + self._steady_s, end):
                return None
            if now >= end:
                return f"after {self._watch_s:g} s it is {state.active_state} ({state.sub_state})"
            await trio.sleep(_BEAT_S)
