"""The state machine of one power device: what it is, and what follows from a change of it.

Fed by the device's task (`nurseries/power/device.py`), which asks the driver and does what a
`PowerChange` says. Pure: time comes in as seconds on a steady clock.
"""

import msgspec

from mrk.power.states import PowerState, Wish

# An off that was refused, or failed, is tried again so much later when nothing happens before.
RETRY_S = 5.0


class PowerRules(msgspec.Struct, frozen=True, kw_only=True):
    """What the options of a device decide. `timer_s`: off follows so long after on."""

    locked_while_printing: bool = False
    locked_while_paused: bool = True
    restrict_action_processing: bool = True
    restart_klipper_when_powered: bool = False
    initial_state: bool | None = None
    timer_s: float | None = None


class PowerChange(msgspec.Struct, frozen=True):
    """What follows: tell the clients; start (True) or stop the bound services; restart Klipper."""

    notify: bool = False
    services: bool | None = None
    restart_klipper: bool = False


NOTHING = PowerChange()


class PowerMachine:
    """`state` is the newest known one, `off_due` when the timer switches off."""

    def __init__(self, rules: PowerRules) -> None:
        self._rules = rules
        self.state = PowerState.INIT
        self.off_due: float | None = None

    # From the driver

    def found(self, fresh: PowerState) -> PowerChange:
        """The device was looked at, or spoke by itself: a change is one from outside."""
        before, self.state = self.state, fresh
        if fresh is before:
            return NOTHING
        if before is PowerState.INIT or self._rules.restrict_action_processing:
            # From init: nobody switched it, it became known.
            return PowerChange(notify=True)
        return self._followed()

    def switched(self, reported: PowerState, now: float) -> PowerChange:
        """A request was carried out, and this is what the device reports."""
        self.state = reported
        self.off_due = None
        if reported is PowerState.ON and self._rules.timer_s is not None:
            self.off_due = now + self._rules.timer_s
        return self._followed()

    def failed(self) -> PowerChange:
        """A switch failed: clients are told, unless they know."""
        return self.found(PowerState.ERROR)

    def _followed(self) -> PowerChange:
        if not self.state.is_known:
            return PowerChange(notify=True)
        on = self.state is PowerState.ON
        return PowerChange(
            notify=True,
            services=on,
            restart_klipper=on and self._rules.restart_klipper_when_powered,
        )

    # The first state

    def initial_wish(self) -> Wish | None:
        """What `initial_state` asks for, now that the state is known; None: nothing."""
        wanted = self._rules.initial_state
        if wanted is None or not self.state.is_known or PowerState.of(wanted) is self.state:
            return None
        return Wish.ON if wanted else Wish.OFF

    def initial_services(self) -> bool | None:
        """Bound services follow `initial_state` even where the device has it already."""
        if self._rules.initial_state is None or not self.state.is_known:
            return None
        return self.state is PowerState.ON

    # Requests

    def target(self, wish: Wish) -> PowerState | None:
        """What to switch to, once the state is fresh; None when there is nothing to do."""
        match wish:
            case Wish.STATUS:
                return None
            case Wish.TOGGLE:
                return PowerState.of(self.state is PowerState.OFF)
            case _:
                wanted = PowerState.of(wish is Wish.ON)
                return None if wanted is self.state else wanted

    def is_locked(self, *, printing: bool, paused: bool) -> bool:
        """Whether the print under way refuses a switch that is not forced."""
        rules = self._rules
        return rules.locked_while_printing and (printing or (paused and rules.locked_while_paused))

    # The timer

    def off_refused(self, now: float) -> None:
        """The timer's off was refused, or failed: it is kept."""
        self.off_due = now + RETRY_S
