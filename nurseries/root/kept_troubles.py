"""What does not work, as server.info tells it: put together when something of it has changed.

Every server.info asks, many times between two changes. Lists that only grow are known by their
lengths; supervised services tell of each change themselves.
"""

import itertools
from collections.abc import Iterable

from mrk.supervision import Supervision
from nurseries.root.subsystems import Subsystems
from nurseries.server.endpoints import Troubles, failed_components
from transports.listeners.listeners import Listeners


class KeptTroubles:
    """Of one generation: of its configuration (`own`), of its subsystems, of refused clients."""

    def __init__(self, own: list[str], subsystems: Subsystems, refusals: list[str]) -> None:
        # The same lists as long as the generation lasts; others append to them.
        self._growing = (
            own,
            subsystems.store.warnings,
            subsystems.files.warnings,
            subsystems.machine.warnings,
            refusals,
        )
        self._subsystems = subsystems
        self._listeners: Listeners | None = None
        self._supervisions: tuple[Supervision, ...] = ()
        self._kept: Troubles | None = None
        self._kept_of: tuple[object, ...] = ()

    def watch(self, supervisions: Iterable[Supervision]) -> None:
        """Tell of these services, all of a tree."""
        self._supervisions = tuple(supervisions)
        for one in self._supervisions:
            one.on_change = self._forget
        self._forget()

    def listen_with(self, listeners: Listeners) -> None:
        """Tell where nobody can connect yet."""
        self._listeners = listeners
        self._forget()

    def now(self) -> Troubles:
        """As it is now."""
        listeners, found_out = self._listeners, self._subsystems.optional.found_out
        now_of = (
            *map(len, self._growing),
            found_out,
            # The others of their warnings do not change.
            listeners.warnings if listeners is not None and listeners.late else (),
        )
        if self._kept is None or now_of != self._kept_of:
            self._kept, self._kept_of = self._together(found_out), now_of
        return self._kept

    def _forget(self) -> None:
        self._kept = None

    def _together(self, found_out: list[str]) -> Troubles:
        crashed = [one for one in self._supervisions if one.crashed]
        warnings = [
            *itertools.chain.from_iterable(self._growing),
            *(self._subsystems.given_up if crashed else ()),
            *found_out,
            *(() if self._listeners is None else self._listeners.warnings),
        ]
        return Troubles(
            failed_components=failed_components(crashed),
            warnings=warnings,
            html_warnings=[warning.replace("\n", "<br/>") for warning in warnings],
        )
