"""The options of the daemon itself: Moonraker's, so that its service files work.

`read_plain` reads the way in which services give them, without a library: what reads every
command line with help and suggestions would stay in memory for as long as the daemon runs (3 MB).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class DaemonOption(NamedTuple):
    """`name` is that of the argument of `Paths.resolve`; an option is a path or a flag."""

    short: str
    long: str
    name: str
    help: str
    is_flag: bool = False


DAEMON_OPTIONS = (
    DaemonOption("-d", "--datapath", "data_path", "Data folder [~/printer_data]."),
    DaemonOption("-c", "--configfile", "config_file", "Configuration file."),
    DaemonOption("-l", "--logfile", "log_file", "Log file."),
    DaemonOption("-u", "--unixsocket", "unix_socket", "Own unix socket."),
    DaemonOption("-n", "--nologfile", "nologfile", "Log to the console only.", True),
    DaemonOption("-s", "--structured-logging", "structured", "JSON.", True),
    DaemonOption("-v", "--verbose", "verbose", "Log debug lines.", True),
    DaemonOption("-g", "--debug", "debug", "Offer debug endpoints.", True),
    DaemonOption("-o", "--asyncio-debug", "asyncio_debug", "Accepted, without effect.", True),
)


def read_plain(words: Iterable[str]) -> dict[str, Path | bool] | None:
    """Options by name when there is nothing but them, each a word of its own; None otherwise."""
    known = {word: option for option in DAEMON_OPTIONS for word in (option.short, option.long)}
    found: dict[str, Path | bool] = {}
    remaining = iter(words)
    for word in remaining:
        option = known.get(word)
        if option is None:
            return None
        if option.is_flag:
            found[option.name] = True
            continue
        value = next(remaining, "-")
        if not value or value.startswith("-"):
            return None
        found[option.name] = Path(value)
    return found
