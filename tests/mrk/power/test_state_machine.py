"""The state machine of a device: what is switched, what follows, what a print refuses."""

import pytest

from mrk.errors import ClientError
from mrk.power.restart_wish import RestartStep, restart_step
from mrk.power.state_machine import NOTHING, RETRY_S, PowerChange, PowerMachine, PowerRules
from mrk.power.states import PowerState, Wish, read_action, read_remote_state

ON, OFF, INIT, ERROR = PowerState.ON, PowerState.OFF, PowerState.INIT, PowerState.ERROR


def machine(state=INIT, **rules):
    found = PowerMachine(PowerRules(**rules))
    found.state = state
    return found


@pytest.mark.parametrize(
    ("state", "wish", "target"),
    [
        (OFF, Wish.TOGGLE, ON),
        (ON, Wish.TOGGLE, OFF),
        (ERROR, Wish.TOGGLE, OFF),
        (INIT, Wish.TOGGLE, OFF),
        (OFF, Wish.ON, ON),
        (ON, Wish.ON, None),
        (ERROR, Wish.OFF, OFF),
        (OFF, Wish.OFF, None),
        (OFF, Wish.STATUS, None),
    ],
)
def test_what_is_switched(state, wish, target):
    assert machine(state).target(wish) is target


def test_a_switch_is_followed():
    one = machine(OFF, restart_klipper_when_powered=True)
    assert one.switched(ON, 0.0) == PowerChange(notify=True, services=True, restart_klipper=True)
    assert one.switched(OFF, 1.0) == PowerChange(notify=True, services=False)
    assert one.switched(ERROR, 1.0) == PowerChange(notify=True)
    # Klipper is restarted where that is configured.
    assert machine(OFF).switched(ON, 0.0) == PowerChange(notify=True, services=True)


def test_a_change_from_outside_is_only_told():
    one = machine(OFF, restart_klipper_when_powered=True)
    assert one.found(ON) == PowerChange(notify=True)
    assert one.found(ON) == NOTHING


def test_a_change_from_outside_is_followed_where_that_is_wanted():
    one = machine(OFF, restrict_action_processing=False, restart_klipper_when_powered=True)
    assert one.found(ON) == PowerChange(notify=True, services=True, restart_klipper=True)
    assert one.found(ERROR) == PowerChange(notify=True)


def test_becoming_known_is_no_change_from_outside():
    assert machine(INIT, restrict_action_processing=False).found(ON) == PowerChange(notify=True)


def test_a_failure_is_told_once():
    one = machine(ON)
    assert one.failed() == PowerChange(notify=True)
    assert one.failed() == NOTHING
    assert one.state is ERROR


def test_the_timer():
    one = machine(OFF, timer_s=60.0)
    one.switched(ON, 100.0)
    assert one.off_due == 160.0
    one.off_refused(160.0)
    assert one.off_due == 160.0 + RETRY_S
    one.switched(OFF, 170.0)
    assert one.off_due is None


@pytest.mark.parametrize(
    ("initial", "state", "wish", "services"),
    [
        (None, ON, None, None),
        (True, OFF, Wish.ON, False),
        (True, ON, None, True),
        (False, ON, Wish.OFF, True),
        (False, OFF, None, False),
        (True, ERROR, None, None),
    ],
)
def test_the_initial_state(initial, state, wish, services):
    one = machine(state, initial_state=initial)
    assert one.initial_wish() is wish
    assert one.initial_services() is services


@pytest.mark.parametrize(
    ("rules", "printing", "paused", "locked"),
    [
        ({}, True, False, False),
        ({"locked_while_printing": True}, True, False, True),
        ({"locked_while_printing": True}, False, True, True),
        ({"locked_while_printing": True, "locked_while_paused": False}, False, True, False),
        ({"locked_while_printing": True, "locked_while_paused": False}, True, False, True),
        ({"locked_while_printing": True}, False, False, False),
    ],
)
def test_the_lock(rules, printing, paused, locked):
    assert machine(ON, **rules).is_locked(printing=printing, paused=paused) is locked


@pytest.mark.parametrize(
    ("state", "step"),
    [
        ("disconnected", RestartStep.WAIT),
        ("startup", RestartStep.WAIT),
        ("ready", RestartStep.DROP),
        ("shutdown", RestartStep.SEND),
        ("error", RestartStep.SEND),
        ("of a fork", RestartStep.SEND),
    ],
)
def test_the_wish_to_restart_klipper(state, step):
    assert restart_step(state) is step


def test_actions():
    assert read_action(" ON ") is Wish.ON
    for text in ("status", "", "x"):
        with pytest.raises(ClientError, match="on, off or toggle expected"):
            read_action(text)


@pytest.mark.parametrize(
    ("state", "wish"),
    [(True, Wish.ON), (False, Wish.OFF), ("True", Wish.ON), (" OFF ", Wish.OFF), ("t", None),
     ("Toggle", Wish.TOGGLE), (1, None), (None, None), ([], None)],
)  # fmt: skip
def test_states_of_macros(state, wish):
    if wish is not None:
        assert read_remote_state(state) is wish
        return
    with pytest.raises(ValueError, match="is not known"):
        read_remote_state(state)
