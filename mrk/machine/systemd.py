"""systemd's and logind's words on D-Bus: methods, signals' meaning, refusals for a person.

Pure. Interfaces: org.freedesktop.systemd1(5), org.freedesktop.login1(5).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mrk.machine.machine_protocols import UnitStatus
from mrk.machine.service_rules import ALWAYS_ALLOWED
from mrk.machine.services import PowerAction, Verb
from mrk.machine.systemctl_output import is_controllable

SYSTEMD = "org.freedesktop.systemd1"
SYSTEMD_PATH = "/org/freedesktop/systemd1"
MANAGER = "org.freedesktop.systemd1.Manager"
UNIT = "org.freedesktop.systemd1.Unit"
LOGIND = "org.freedesktop.login1"
LOGIND_PATH = "/org/freedesktop/login1"
LOGIND_MANAGER = "org.freedesktop.login1.Manager"

METHODS = {Verb.START: "StartUnit", Verb.STOP: "StopUnit", Verb.RESTART: "RestartUnit"}
POWER_METHODS = {
    PowerAction.POWEROFF: "PowerOff",
    PowerAction.HALT: "Halt",
    PowerAction.REBOOT: "Reboot",
}
# Nobody has that name on the bus, and the bus cannot start it.
NO_SUCH_NAME = frozenset(
    {
        "org.freedesktop.DBus.Error.NameHasNoOwner",
        "org.freedesktop.DBus.Error.ServiceUnknown",
    }
)
_REFUSED = frozenset(
    {
        "org.freedesktop.DBus.Error.AccessDenied",
        "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
        "org.freedesktop.PolicyKit1.Error.NotAuthorized",
    }
)
_RESULTS = {
    "canceled": "was canceled by another request",
    "timeout": "timed out",
    "failed": "failed",
    "dependency": "failed because a service that it needs failed",
}
_SUFFIX = ".service"
_ADVICE = (
    "Allow it with a PolicyKit rule for that user, or set 'provider: systemd_cli' in [machine]"
)
_SHOWN_CHARS = 300


def patterns(listed: Iterable[str], own: str | None) -> list[str]:
    """Units to ask for: the listed ones, our own, and all of Klipper and Moonraker."""
    names = [*listed] if own is None else [*listed, own]
    return [f"{name}{_SUFFIX}" for name in names] + [f"{name}*{_SUFFIX}" for name in ALWAYS_ALLOWED]


def file_names(rows: Iterable[Sequence[Any]]) -> list[str]:
    """Services of ListUnitFilesByPatterns, `a(ss)`: path and state; templates are none."""
    names = [str(row[0]).rpartition("/")[2] for row in rows if not str(row[1]).startswith("masked")]
    return [
        name.removesuffix(_SUFFIX)
        for name in names
        if name.endswith(_SUFFIX) and not name.endswith("@" + _SUFFIX)
    ]


def unit_names(rows: Iterable[Sequence[Any]]) -> list[str]:
    """Services of ListUnitsByPatterns, `a(ssssssouso)`."""
    return [
        str(row[0]).removesuffix(_SUFFIX)
        for row in rows
        if str(row[0]).endswith(_SUFFIX) and is_controllable(row[2])
    ]


def states(
    names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> dict[str, tuple[str, UnitStatus]]:
    """Of ListUnitsByNames, a row a name in order: name -> object path and state."""
    if len(rows) != len(names):
        return {}
    return {
        name: (str(row[6]), UnitStatus(str(row[3]), str(row[4])))
        for name, row in zip(names, rows, strict=True)
        if is_controllable(row[2])
    }


def changed(before: UnitStatus, properties: Mapping[str, tuple[str, Any]]) -> UnitStatus:
    """The state after a PropertiesChanged of the unit, `a{sv}`."""
    _, active = properties.get("ActiveState", ("s", before.active_state))
    _, sub = properties.get("SubState", ("s", before.sub_state))
    return UnitStatus(str(active), str(sub))


def job_failure(verb: Verb, service: str, result: str) -> str | None:
    """Why a job did not do what was asked; None when it did, or when nothing was to be done."""
    if result in ("done", "skipped"):
        return None
    said = _RESULTS.get(result, f"ended with '{result[:40]}'")
    return f"{verb} of {service} {said}; see 'systemctl status {service}' on the host"


def job_type(unit: str, rows: Iterable[Sequence[Any]]) -> str:
    """Of ListJobs, `a(usssoo)`: the type of the job for the unit at that path; empty for none."""
    return next((str(row[2]) for row in rows if row[5] == unit), "")


def refusal(doing: str, user: str, error: str, text: str) -> str:
    """What a person is told of an error reply; `doing` as in `restart klipper`."""
    if error in _REFUSED:
        return f"The system does not let user '{user}' {doing}. {_ADVICE}"
    return f"Could not {doing}: {text[:_SHOWN_CHARS] or error}"


def power_refusal(action: PowerAction, user: str, can: str) -> str | None:
    """Why logind's Can... answer (`yes`, `no`, `challenge`, `na`) forbids it; None for yes."""
    if can == "yes":
        return None
    if can == "na":
        return f"The system says that this hardware cannot {action}"
    return f"The system does not let user '{user}' {action} this host. {_ADVICE}"
