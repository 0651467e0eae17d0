import pytest

from mrk.errors import ClientError
from mrk.machine.service_rules import (
    MOST_LISTED,
    check_power,
    check_service,
    is_allowed,
    is_unit_name,
    parse_allowed,
)
from mrk.machine.services import PowerAction, Verb


def test_a_list_is_read_line_by_line() -> None:
    data = b"crowsnest\r\n\n  sonar.service \n# a comment\nMoonCord\ncrowsnest\n"
    assert parse_allowed(data) == ("crowsnest", "sonar", "MoonCord")


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe\x00", b"-rf\n*\n../x\na b\nnginx;reboot\n", b"x" * 300]
)
def test_junk_allows_nothing(data: bytes) -> None:
    assert parse_allowed(data) == ()


def test_a_list_is_bounded() -> None:
    data = b"".join(b"service%d\n" % number for number in range(5000))
    assert len(parse_allowed(data)) == MOST_LISTED


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("klipper", True),
        ("klipper-2", True),
        ("klipper_mcu", True),
        ("moonraker-obico", True),
        ("crowsnest", True),
        ("mrk", True),
        ("nginx", False),
        ("myklipper", False),
        ("klipper;reboot", False),
        ("klipper*", False),
        ("klipper\n", False),
        ("", False),
    ],
)
def test_who_may_be_controlled(name: str, allowed: bool) -> None:
    assert is_allowed(name, ("crowsnest",), "mrk") is allowed


@pytest.mark.parametrize("name", ["", "--now", "a b", "a;b", "../x", "x" * 256, "a/b", "*"])
def test_what_is_no_unit_name(name: str) -> None:
    assert not is_unit_name(name)


@pytest.mark.parametrize("name", ["klipper-2", "klipper@a", "KlipperScreen", r"dev-\x2d"])
def test_usual_unit_names(name: str) -> None:
    assert is_unit_name(name)


@pytest.mark.parametrize(
    ("name", "verb", "told"),
    [
        ("mrk", Verb.STOP, "this server itself"),
        ("mrk", Verb.START, "this server itself"),
        ("klipper-9", Verb.RESTART, "not installed"),
        ("sonar", Verb.STOP, "not installed"),
        ("nginx", Verb.RESTART, "not allowed"),
        ("x" * 5000, Verb.RESTART, "not allowed"),
    ],
)
def test_refusals_say_why(name: str, verb: Verb, told: str) -> None:
    with pytest.raises(ClientError, match=told) as caught:
        check_service(name, verb, ("sonar",), {"klipper": 1}, "mrk")
    assert caught.value.status == 400
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    ("name", "verb"),
    [("mrk", Verb.RESTART), ("klipper", Verb.STOP), ("klipper", Verb.RESTART)],
)
def test_what_passes(name: str, verb: Verb) -> None:
    check_service(name, verb, (), {"klipper": 1}, "mrk")


@pytest.mark.parametrize("action", list(PowerAction))
@pytest.mark.parametrize(
    ("printing", "force", "in_container", "told"),
    [
        (True, False, False, "a print is under way.*'force': true"),
        (False, False, True, "container"),
        (True, True, True, "container"),
    ],
)
def test_power_is_refused(
    action: PowerAction, printing: bool, force: bool, in_container: bool, told: str
) -> None:
    with pytest.raises(ClientError, match=told) as caught:
        check_power(action, printing=printing, force=force, in_container=in_container)
    assert caught.value.status == 400


@pytest.mark.parametrize(("printing", "force"), [(False, False), (False, True), (True, True)])
def test_power_is_granted(printing: bool, force: bool) -> None:
    check_power(PowerAction.HALT, printing=printing, force=force, in_container=False)
