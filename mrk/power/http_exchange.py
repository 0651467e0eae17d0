"""Requests to power devices over HTTP, and what a device's answer may look like. Pure."""

import base64
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import msgspec

from mrk import json_bounds
from mrk.errors import ClientError
from mrk.power.states import DriverFailed, PowerState

NO_HEADERS: Mapping[str, str] = {}
# A hub's longest answer has some 10 KB.
ANSWER_BYTES = 256 * 1024
_SHOWN_CHARS = 100


class Ask(msgspec.Struct, frozen=True):
    """One request: `target` is path and query."""

    target: str
    verb: str = "GET"
    body: bytes | None = None
    headers: Mapping[str, str] = NO_HEADERS


class Dialect(Protocol):
    """What one type of device is asked, and how its answers are read. Reading raises
    `DriverFailed`.

    After a switch whose answer tells nothing (None), the status is asked `settle_s` later.
    """

    @property
    def settle_s(self) -> float: ...

    def status(self) -> Ask: ...

    def read_status(self, answer: Any) -> PowerState: ...

    def switch(self, on: bool) -> Ask: ...

    def read_switch(self, on: bool, answer: Any) -> PowerState | None: ...


def path(*parts: object) -> str:
    """Each part percent-encoded, slashes in it too."""
    return "".join(f"/{quote(str(part), safe='')}" for part in parts)


def query(**arguments: object) -> str:
    """`?a=b`, blanks as %20, which all devices understand."""
    pairs = {name: str(value) for name, value in arguments.items()}
    return "?" + urlencode(pairs, quote_via=quote)


def json_ask(verb: str, target: str, body: Any, headers: Mapping[str, str] = NO_HEADERS) -> Ask:
    """With a JSON body."""
    return Ask(
        target, verb, msgspec.json.encode(body), {**headers, "Content-Type": "application/json"}
    )


def basic(user: str, password: str) -> dict[str, str]:
    """The header of basic authentication; none unless both are given."""
    if not (user and password):
        return {}
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    """The header of a token."""
    return {"Authorization": f"Bearer {token}"}


def decoded(body: bytes, *, whole: bool) -> Any:
    """The JSON of an answer; raises `DriverFailed`."""
    if not whole:
        raise DriverFailed(f"its answer is longer than {ANSWER_BYTES // 1024} KiB")
    try:
        return json_bounds.decode(body, "its answer")
    except ClientError as exc:
        start = body[:_SHOWN_CHARS].decode("utf-8", "replace").strip()
        raise DriverFailed(f"its answer is not JSON ({exc.message}): {start!r}") from None


def member(value: Any, *names: str | int) -> Any:
    """What stands there; raises `DriverFailed` naming where it ends."""
    for depth, name in enumerate(names):
        try:
            if isinstance(name, int) is not isinstance(value, list):
                raise TypeError
            value = value[name]
        except (KeyError, IndexError, TypeError):
            place = ".".join(str(one) for one in names[: depth + 1])
            raise DriverFailed(f"its answer has no {place}") from None
    return value


def on_or_off(value: Any, what: str) -> PowerState:
    """A boolean, 0, 1, or on and off in any case; raises `DriverFailed` for anything else."""
    word = str(value).strip().lower()
    if word in ("on", "true", "1", "1.0"):
        return PowerState.ON
    if word in ("off", "false", "0", "0.0"):
        return PowerState.OFF
    raise DriverFailed(f"{what} is {str(value)[:_SHOWN_CHARS]!r} (expected on or off)")
