"""server.logs.tail: the newest lines of this server's log, and what comes next.

A reader that asks again with `next` misses nothing as long as it keeps up; one that does not learns
how many lines were skipped. The log itself waits for nobody.
"""

from typing import Literal, Protocol

import msgspec
import trio

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, get
from mrk.errors import ClientError
from mrk.log.recent_lines import MOST_LINES, LogLines

MOST_WAIT_S = 30.0


class TailParams(msgspec.Struct, frozen=True):
    """`after`: only later lines than this number. `wait`: seconds to wait for a line."""

    after: int = 0
    level: Literal["debug", "info", "warning", "error"] = "info"
    lines: int = 200
    wait: float = 0.0


class Lines(Protocol):
    """The live log."""

    def read(self, seq: int, level: str, most: int) -> LogLines: ...

    async def wait(self, seq: int, level: str, most: int) -> LogLines: ...


class TailEndpoints:
    """The declaration and its handler."""

    def __init__(self, live: Lines) -> None:
        self._live = live

    def endpoints(self) -> list[Endpoint]:
        """`server.logs.tail`."""
        return [
            get(
                "/server/logs/tail",
                self.tail,
                "The newest lines of this server's log; with `after` and `wait` those to come.",
                Access.VIEW,
                TailParams,
                LogLines,
            )
        ]

    async def tail(self, params: TailParams, _caller: Caller) -> LogLines:
        """What there is, at once; else what comes within `wait` seconds, perhaps nothing."""
        _check("after", params.after, 0, None)
        _check("lines", params.lines, 1, MOST_LINES)
        _check("wait", params.wait, 0, MOST_WAIT_S)
        if params.wait:
            with trio.move_on_after(params.wait):
                return await self._live.wait(params.after, params.level, params.lines)
        return self._live.read(params.after, params.level, params.lines)


def _check(name: str, value: float, least: float, most: float | None) -> None:
    # Said this way round because no comparison with NaN is true.
    if not (value >= least and (most is None or value <= most)):
        bounds = f"at least {least:g}" if most is None else f"{least:g} to {most:g}"
        raise ClientError(f"Argument '{name}': {str(value)[:40]} given, {bounds} expected")
