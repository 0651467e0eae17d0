"""What is known of the services now, and what changed since clients were last told.

Pure; the service control feeds it with what its provider sees.
"""

from collections.abc import Mapping

from mrk.machine.machine_protocols import UnitStatus


class ServiceStates:
    """The state of each available service, by name in alphabetical order."""

    def __init__(self) -> None:
        self._states: dict[str, UnitStatus] = {}
        self._looked = False

    @property
    def states(self) -> Mapping[str, UnitStatus]:
        """The last known ones."""
        return self._states

    def replace(self, found: Mapping[str, UnitStatus]) -> dict[str, UnitStatus]:
        """Take a whole look; returns what to tell clients: nothing of the first one."""
        before = self._states
        self._states = dict(sorted(found.items()))
        if not self._looked:
            self._looked = True
            return {}
        return {name: now for name, now in self._states.items() if before.get(name) != now}

    def update(self, name: str, status: UnitStatus) -> bool:
        """Take one service's state; False when it is unchanged, or the service is not known."""
        if name not in self._states or self._states[name] == status:
            return False
        self._states[name] = status
        return True
