import pytest

from mrk.klippy.events import Ready, Shutdown
from mrk.klippy.state import KlippyState


def started(state: str) -> KlippyState:
    session = KlippyState()
    assert session.on_info(state, "message")
    return session


def test_startup_is_read_until_the_set_up_is_finished() -> None:
    session = KlippyState()
    assert session.state == "startup"
    assert not session.on_info("startup", "wait")
    assert session.on_info("ready", "Printer is ready")
    assert session.state == "startup"
    assert session.finish() == [Ready()]
    assert session.state == "ready"
    assert session.message == "Printer is ready"


@pytest.mark.parametrize("state", ["error", "shutdown", "busy_of_a_fork"])
def test_a_connection_to_a_printer_that_is_not_ready_announces_nothing(state: str) -> None:
    session = started(state)
    assert session.finish() == []
    assert session.state == state


def test_a_shutdown_is_announced_once() -> None:
    session = started("ready")
    session.finish()
    assert session.on_webhooks("shutdown", "why") == [Shutdown("why")]
    assert session.on_webhooks("shutdown", "why, in other words") == []
    assert session.state == "shutdown"
    assert session.message == "why, in other words"


@pytest.mark.parametrize("first", ["startup", "ready"])
def test_a_shutdown_during_the_set_up_is_announced_at_its_end(first: str) -> None:
    session = KlippyState()
    session.on_info(first, None)
    assert session.on_webhooks("shutdown", "why") == []
    assert session.state == "startup"
    assert session.finish() == [Shutdown("why")]


@pytest.mark.parametrize("state", [None, 5, [], {}])
def test_a_missing_state_is_no_end_of_the_startup(state: object) -> None:
    session = KlippyState()
    assert not session.on_info(state, state)
    assert session.state == "startup"


def test_partial_webhooks_change_nothing_else() -> None:
    session = started("ready")
    session.finish()
    assert session.on_webhooks(None, "only a message") == []
    assert session.state == "ready"


def test_a_printer_that_becomes_ready_later_is_set_up_again() -> None:
    session = started("warming_up")
    session.finish()
    assert session.on_webhooks("ready", "") == []
    assert session.state == "startup"
    assert session.preparing
    assert session.finish() == [Ready()]


def test_no_announcement_for_error() -> None:
    session = started("ready")
    session.finish()
    assert session.on_webhooks("error", "") == []
    assert session.state == "error"
