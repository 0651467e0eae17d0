"""The lines between mrk and a driver in a process of its own: JSON objects, one a line. Pure.

Asked: `{"op": "status"}`, `{"op": "switch", "to": "on"}`; answered, in order, by `{"state": "on"}`
or `{"error": "why"}`. Unasked: `{"event": "state", "state": "off"}`.
"""

from typing import Any

import msgspec

from mrk import json_bounds
from mrk.errors import ClientError, MrkError
from mrk.power.states import PowerState

LINE_BYTES = 64 * 1024
_TEXT_CHARS = 200


class BadDriverLine(MrkError):
    """A line that is neither an answer nor an event; the text says why."""


class Answered(msgspec.Struct, frozen=True):
    """To the oldest question; `error` says why there is no state."""

    state: PowerState
    error: str | None = None


class Told(msgspec.Struct, frozen=True):
    """Unasked."""

    state: PowerState


class LineReader:
    """Cuts lines out of what comes; keeps an unfinished one of at most `LINE_BYTES`."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete now; raises `BadDriverLine` for one without end."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LINE_BYTES or any(len(line) > LINE_BYTES for line in lines):
            raise BadDriverLine(f"a line has more than {LINE_BYTES} bytes")
        return [line for line in lines if line.strip()]


def ask(to: PowerState | None = None) -> bytes:
    """A question for the status, or to switch."""
    question = {"op": "status"} if to is None else {"op": "switch", "to": to.value}
    return msgspec.json.encode(question) + b"\n"


def read(line: bytes) -> Answered | Told:
    """Raises `BadDriverLine`."""
    try:
        said = json_bounds.decode(line, "a line")
    except ClientError as exc:
        raise BadDriverLine(f"{exc.message}: {line[:80].decode('utf-8', 'replace')!r}") from None
    if not isinstance(said, dict):
        raise BadDriverLine("a line is not a JSON object")
    if "event" in said:
        if said["event"] != "state":
            raise BadDriverLine(
                f"the event {str(said['event'])[:40]!r} is not known (expected state)"
            )
        return Told(_state(said))
    if "error" in said:
        return Answered(PowerState.ERROR, str(said["error"])[:_TEXT_CHARS])
    return Answered(_state(said))


def _state(said: dict[str, Any]) -> PowerState:
    try:
        return PowerState(str(said.get("state")))
    except ValueError:
        shown = str(said.get("state"))[:40]
        raise BadDriverLine(
            f"the state {shown!r} is not known (expected on, off or error)"
        ) from None
