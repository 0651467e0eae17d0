"""What the cloud demands. Pure.

Most demands are a call of the API, with the role that the configuration gives the cloud.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from mrk.simplyprint.identity import word
from mrk.simplyprint.printer_state import JobWish
from mrk.status.numbers import finite

MOST_LINES = 200
LINE_LENGTH = 1000
URL_LENGTH = 4096
MOST_TIMER_S = 60.0
# Where pictures with an id go when nothing else is said (simplyprint-ws-client 0.0.6).
PICTURE_ENDPOINT = "https://api.simplyprint.io/jobs/ReceiveSnapshot"


class Call(msgspec.Struct, frozen=True):
    """An API method; `wish` is what the printer does meanwhile."""

    method: str
    wish: JobWish | None = None
    params: Mapping[str, str] = {}


class SwitchPower(msgspec.Struct, frozen=True):
    """Of the printer's power device."""

    on: bool


class Terminal(msgspec.Struct, frozen=True):
    """Whether console lines are wanted."""

    enabled: bool


class RunGcode(msgspec.Struct, frozen=True):
    """`identifier` names the run in its answer, where there is to be one."""

    lines: Sequence[str]
    identifier: str | None = None


class SendPicture(msgspec.Struct, frozen=True):
    """In `after_s`: to `endpoint` as `id`, or over the websocket without both."""

    id: str | None = None
    endpoint: str | None = None
    after_s: float = 0.0


class CheckWebcam(msgspec.Struct, frozen=True):
    """Whether there is a picture to be had."""


class FetchFile(msgspec.Struct, frozen=True):
    """`name` is what it is to be called, and `size_bytes` how large it is, where that was said."""

    url: str
    auto_start: bool = False
    job_id: str | None = None
    name: str | None = None
    size_bytes: float | None = None


class StartFetched(msgspec.Struct, frozen=True):
    """Of the file that was fetched last."""


class BadDemand(msgspec.Struct, frozen=True):
    """It is not understood; the text says why."""

    reason: str


Demand = (
    Call
    | SwitchPower
    | Terminal
    | RunGcode
    | SendPicture
    | CheckWebcam
    | FetchFile
    | StartFetched
    | BadDemand
)

_CALLS: Mapping[str, Demand] = {
    "pause": Call("printer.print.pause", JobWish.PAUSING),
    "resume": Call("printer.print.resume", JobWish.RESUMING),
    "cancel": Call("printer.print.cancel", JobWish.CANCELLING),
    "system_restart": Call("machine.reboot"),
    "system_shutdown": Call("machine.shutdown"),
    "api_restart": Call("server.restart"),
    "api_shutdown": Call("machine.services.stop", params={"service": "moonraker"}),
    "psu_on": SwitchPower(on=True),
    "psu_off": SwitchPower(on=False),
    "test_webcam": CheckWebcam(),
    "start_print": StartFetched(),
}


def read_demand(data: Mapping[str, Any], *, plain_http: bool = False) -> Demand:
    """`plain_http` lets files and pictures go unencrypted, as where the cloud itself does."""
    name = data.get("demand")
    if not isinstance(name, str):
        return BadDemand("it has no name")
    match name:
        case "terminal":
            return Terminal(data.get("enabled") in (True, 1))
        case "gcode":
            return _gcode(data)
        case "webcam_snapshot":
            return _picture(data, plain_http)
        case "file":
            return _file(data, plain_http)
    return _CALLS.get(name, BadDemand(f"{name[:40]!r} is not known"))


def _gcode(data: Mapping[str, Any]) -> Demand:
    lines = data.get("list")
    if isinstance(lines, str):
        lines = [lines]
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        return BadDemand("gcode: list must be an array of texts")
    if len(lines) > MOST_LINES or any(len(line) > LINE_LENGTH for line in lines):
        return BadDemand(f"gcode: at most {MOST_LINES} lines of {LINE_LENGTH} characters")
    return RunGcode([line for line in lines if line.strip()], word(data.get("identifier")))


def _picture(data: Mapping[str, Any], plain_http: bool) -> Demand:
    endpoint = data.get("endpoint")
    if endpoint is not None and not is_web_address(endpoint, plain_http):
        return BadDemand("webcam_snapshot: endpoint is not an https address")
    picture_id = word(data.get("id"))
    if picture_id is not None and endpoint is None:
        endpoint = PICTURE_ENDPOINT
    after_s = (finite(data.get("timer")) or 0.0) / 1000
    return SendPicture(picture_id, endpoint, min(max(after_s, 0.0), MOST_TIMER_S))


def _file(data: Mapping[str, Any], plain_http: bool) -> Demand:
    url = data.get("url")
    if not is_web_address(url, plain_http):
        return BadDemand("file: url is not an https address")
    assert isinstance(url, str)
    auto_start = data.get("auto_start") in (True, 1)
    size_bytes = finite(data.get("file_size"))
    return FetchFile(
        url, auto_start, word(data.get("job_id")), word(data.get("file_name")), size_bytes
    )


def is_web_address(value: object, plain_http: bool) -> bool:
    """Whether something may be fetched from, or sent to it."""
    if not isinstance(value, str) or len(value) > URL_LENGTH or not value.isprintable():
        return False
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    schemes = ("https", "http") if plain_http else ("https",)
    return parts.scheme in schemes and bool(parts.hostname)
