import pytest

from mrk.machine import systemd
from mrk.machine.machine_protocols import UnitStatus
from mrk.machine.services import PowerAction, Verb

ROW = ("klipper.service", "Klipper", "loaded", "active", "running", "", "/unit/k", 0, "", "/")
MISSING = ("x.service", "x", "not-found", "inactive", "dead", "", "/unit/x", 0, "", "/")
UP = UnitStatus("active", "running")


def test_what_is_asked_for() -> None:
    assert systemd.patterns(["sonar"], "mrk") == [
        "sonar.service",
        "mrk.service",
        "klipper*.service",
        "moonraker*.service",
    ]
    assert systemd.patterns([], None) == ["klipper*.service", "moonraker*.service"]


def test_names_of_files_and_units() -> None:
    files = [
        ("/etc/systemd/system/klipper.service", "enabled"),
        ("/etc/systemd/system/klipper@.service", "disabled"),
        ("/etc/systemd/system/sonar.service", "masked"),
        ("/etc/systemd/system/klipper.timer", "enabled"),
    ]
    assert systemd.file_names(files) == ["klipper"]
    assert systemd.unit_names([ROW, MISSING]) == ["klipper"]


def test_states_belong_to_the_names_in_order() -> None:
    # The second is an alias: systemd answers with the unit's own name.
    assert systemd.states(["klipper", "alias"], [ROW, ROW]) == {
        "klipper": ("/unit/k", UP),
        "alias": ("/unit/k", UP),
    }
    assert systemd.states(["klipper", "x"], [ROW, MISSING]) == {"klipper": ("/unit/k", UP)}
    assert systemd.states(["klipper", "x"], [ROW]) == {}


def test_a_change_of_one_property_leaves_the_other() -> None:
    assert systemd.changed(UP, {"SubState": ("s", "stop-sigterm")}) == UnitStatus(
        "active", "stop-sigterm"
    )
    assert systemd.changed(UP, {"Job": ("(uo)", (0, "/"))}) == UP


def test_the_job_of_a_unit() -> None:
    rows = [(7, "x.service", "stop", "running", "/job/7", "/unit/x")]
    rows.append((8, "mrk.service", "restart", "running", "/job/8", "/unit/mrk"))
    assert systemd.job_type("/unit/mrk", rows) == "restart"
    assert systemd.job_type("/unit/x", rows) == "stop"
    assert systemd.job_type("/unit/y", rows) == ""


@pytest.mark.parametrize(("result", "failed"), [("done", False), ("skipped", False)])
def test_jobs_that_did_what_was_asked(result: str, failed: bool) -> None:
    assert (systemd.job_failure(Verb.START, "klipper", result) is not None) is failed


@pytest.mark.parametrize("result", ["failed", "timeout", "dependency", "canceled", "x" * 900])
def test_jobs_that_did_not(result: str) -> None:
    failure = systemd.job_failure(Verb.RESTART, "klipper", result)
    assert failure is not None
    assert failure.startswith("restart of klipper ")
    assert len(failure) < 200


def test_refusals_say_what_to_do() -> None:
    error = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
    text = systemd.refusal("restart klipper", "pi", error, "Interactive authentication required.")
    assert "user 'pi'" in text
    assert "PolicyKit" in text
    other = systemd.refusal("restart x", "pi", "org.x.NoSuchUnit", "Unit x.service not found.")
    assert other == "Could not restart x: Unit x.service not found."


@pytest.mark.parametrize(
    ("can", "told"),
    [("yes", None), ("no", "PolicyKit"), ("challenge", "PolicyKit"), ("na", "hardware")],
)
def test_what_logind_says_about_power(can: str, told: str | None) -> None:
    refusal = systemd.power_refusal(PowerAction.REBOOT, "pi", can)
    assert (refusal is None) if told is None else (refusal is not None and told in refusal)
