"""The output of uhubctl, which switches ports of USB hubs. Pure."""

import re

from mrk.power.states import DriverFailed, PowerState

_PORT = re.compile(r"\s*Port (\d+): [0-9a-fA-F]{4}\s+(\S+)")


def arguments(location: str, port: int | None, action: str | None = None) -> list[str]:
    """Of the program; without an action it only looks."""
    chosen = [] if port is None else ["-p", str(port)]
    act = [] if action is None else ["-a", action]
    return ["-l", location, *chosen, *act]


def read_state(output: str, location: str, port: int | None, *, switched: bool) -> PowerState:
    """Of the first port that matches; raises `DriverFailed`."""
    title = f"{'New' if switched else 'Current'} status for hub {location} "
    is_here = False
    for line in output.splitlines():
        if not line[:1].isspace():
            is_here = f"{line} ".startswith(title)
        elif is_here and (found := _PORT.match(line)) and port in (None, int(found[1])):
            return PowerState.of(found[2].rstrip(",") == "power")
    named = f"hub {location}" + ("" if port is None else f" port {port}")
    raise DriverFailed(f"uhubctl says nothing of {named}: {output.strip()[:100]!r}")
