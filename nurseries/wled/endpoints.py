"""machine.wled.*: the seven methods, what clients send and what they see."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, get, post
from mrk.errors import ClientError
from mrk.wled.strip import Order, Strip, StripAnswer, StripMissing, StripReport
from nurseries.wled.strip import LightStrip

# Of one request, known and unknown ones.
MOST_NAMES = 1000
ACTIONS = ("on", "off", "toggle", "control")


class StripParams(msgspec.Struct, frozen=True):
    """`strip` is its name in the configuration."""

    strip: str


class StripActionParams(msgspec.Struct, frozen=True):
    """`action`: on, off, toggle or control, in any case; -1 stands for nothing."""

    strip: str
    action: str
    preset: int = -1
    brightness: int = -1
    intensity: int = -1
    speed: int = -1


class NamedStripParams(msgspec.Struct, frozen=True):
    """One member for each strip, by its name, such as `case`; values mean nothing."""

    case: None = None


class StripList(msgspec.Struct, frozen=True):
    """The answer of machine.wled.strips, by name."""

    strips: dict[str, StripReport]


Reports = dict[str, StripAnswer]


class WledEndpoints:
    """The declarations and handlers; `strips` by name."""

    def __init__(self, strips: Mapping[str, LightStrip]) -> None:
        self._strips = strips

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        path = "/machine/wled"
        named: Any = {"params": None, "described": NamedStripParams, "result": Reports}
        operate = Access.OPERATE
        return [
            get(
                f"{path}/strips",
                self.strips,
                "WLED strips, as they were ordered.",
                Access.VIEW,
                result=StripList,
            ),
            get(f"{path}/status", self.status, "Some WLED strips.", Access.VIEW, **named),
            get(
                f"{path}/strip",
                self.get_strip,
                "One WLED strip.",
                Access.VIEW,
                StripParams,
                Reports,
            ),
            post(f"{path}/on", self.on, "Switch WLED strips on.", operate, **named),
            post(f"{path}/off", self.off, "Switch WLED strips off.", operate, **named),
            post(f"{path}/toggle", self.toggle, "Switch WLED strips over.", operate, **named),
            post(
                f"{path}/strip",
                self.post_strip,
                "Switch a WLED strip, or adjust its effect.",
                operate,
                StripActionParams,
                Reports,
            ),
        ]

    def strips(self, _params: NoParams, _caller: Caller) -> StripList:
        """All of them."""
        return StripList({name: one.strip.report for name, one in self._strips.items()})

    async def status(self, arguments: Mapping[str, Any], _caller: Caller) -> Reports:
        """Of those that are named."""
        return await self._each(arguments, lambda _strip: None)

    def get_strip(self, params: StripParams, _caller: Caller) -> Reports:
        """400 for one that is not configured."""
        return {params.strip: self._find(params.strip).strip.report}

    async def on(self, arguments: Mapping[str, Any], _caller: Caller) -> Reports:
        """With the initial preset or colour, even where they are on."""
        return await self._each(arguments, lambda strip: strip.on())

    async def off(self, arguments: Mapping[str, Any], _caller: Caller) -> Reports:
        """One after the other; an error ends it."""
        return await self._each(arguments, lambda strip: strip.off())

    async def toggle(self, arguments: Mapping[str, Any], _caller: Caller) -> Reports:
        """The same."""
        return await self._each(arguments, lambda strip: strip.toggle())

    async def post_strip(self, params: StripActionParams, _caller: Caller) -> Reports:
        """The report afterwards."""
        found, action = self._find(params.strip), params.action.strip().lower()
        if action not in ACTIONS:
            raise ClientError(
                f"Argument 'action': '{params.action:.60}' given, one of {', '.join(ACTIONS)}"
                " expected"
            )
        if action != "control":
            await found.request(lambda strip: _switch(strip, action, params.preset))
        if action != "off":
            await found.request(
                lambda strip: strip.control(params.brightness, params.intensity, params.speed)
            )
        return {params.strip: found.strip.report}

    async def _each(
        self, arguments: Mapping[str, Any], make: Callable[[Strip], Order | None]
    ) -> Reports:
        if not arguments:
            raise ClientError("No strip is named (expected one argument for each, by its name)")
        if len(arguments) > MOST_NAMES:
            raise ClientError(f"{len(arguments)} strips are named, at most {MOST_NAMES}")
        reports: Reports = {}
        for name in arguments:
            found = self._strips.get(name)
            if found is None:
                reports[name] = StripMissing()
                continue
            await found.request(make)
            reports[name] = found.strip.report
        return reports

    def _find(self, name: str) -> LightStrip:
        found = self._strips.get(name)
        if found is None:
            raise ClientError(f"No WLED strip '{name:.60}' in the configuration")
        return found


def _switch(strip: Strip, action: str, preset: int) -> Order:
    match action:
        case "on":
            return strip.on(preset)
        case "off":
            return strip.off()
        case _:
            return strip.toggle(preset)
