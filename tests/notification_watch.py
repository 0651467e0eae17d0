"""Every notification of the run is held to what it is declared to be.

Unit tests' own process is watched where notifications are encoded, daemons of other processes
where the clients in `tests/e2e/wire.py` read them. `tests/conftest.py` fails the run.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

import mrk.api.notification
from nurseries.root.notifications import all_notifications

faults: list[str] = []
_MOST_FAULTS = 50
_kinds = {kind.method: kind for kind in all_notifications()}


def fault_of(method: str, params: list[Any]) -> str | None:
    """What is wrong with a notification; None for one as declared, and for undeclared ones."""
    kind = _kinds.get(method)
    if kind is None:
        return None
    if len(params) != len(kind.params):
        return f"{method} has {len(params)} params, declared are {len(kind.params)}"
    for value, wanted in zip(params, kind.params, strict=True):
        try:
            found = msgspec.to_builtins(msgspec.convert(value, wanted))
        except msgspec.ValidationError as exc:
            return f"{method}: {exc}"
        if surplus := _undeclared(value, found):
            return f"{method} has the undeclared member {surplus}"
    return None


def _undeclared(sent: Any, kept: Any) -> str | None:
    """The first member that was sent and that the declared type does not have."""
    if isinstance(sent, Mapping) and isinstance(kept, Mapping):
        for name, value in sent.items():
            # Members at their defaults are left out of what is kept.
            if name not in kept and not (value is None or value in ("", 0, [], {})):
                return str(name)
            deeper = _undeclared(value, kept.get(name))
            if deeper:
                return f"{name}.{deeper}"
    if isinstance(sent, list) and isinstance(kept, list | tuple):
        return next((f for a, b in zip(sent, kept, strict=False) if (f := _undeclared(a, b))), None)
    return None


def check(message: Mapping[str, Any], *, all_declared: bool = False) -> None:
    """Note what is wrong with a message, if it is a notification."""
    method = str(message.get("method", ""))
    if not method.startswith("notify_"):
        return
    if all_declared and method not in _kinds:
        fault: str | None = f"{method} is not declared"
    else:
        fault = fault_of(method, msgspec.to_builtins(message.get("params", [])))
    if fault and fault not in faults and len(faults) < _MOST_FAULTS:
        faults.append(fault)


def watch_encoding() -> None:
    """Look at each notification of this process."""
    encode = mrk.api.notification._encode

    def checked(message: dict[str, Any]) -> bytes:
        encoded = encode(message)
        check(msgspec.json.decode(encoded))
        return encoded

    mrk.api.notification._encode = checked
