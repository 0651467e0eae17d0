"""What `Machine` reads of the host at its start: the allowed services, and which one we are.

Plain functions that block for small files; they are called in a thread.
"""

import contextlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from config.whole_file import write_whole
from mrk.klippy.peer import unit_of_cgroup
from mrk.machine.service_rules import USUAL_SERVICES, is_unit_name, parse_allowed

logger = logging.getLogger(__name__)
FILE_NAME = "moonraker.asvc"
_MOST_BYTES = 65536


class HostFacts(msgspec.Struct, frozen=True):
    """Allowed services by name, our own service (None: started otherwise), and a warning.

    `aliases` are further names of our own service, such as `moonraker` after a take-over.
    """

    listed: tuple[str, ...]
    own: str | None
    warning: str | None = None
    aliases: frozenset[str] = frozenset()


def read_host(
    data: Path, cgroup: Path, environ: Mapping[str, str], supervised: bool, units: Path
) -> HostFacts:
    """`data` is the data folder, `supervised` whether supervisord is to be asked.

    `units` is the folder of the administrator's units.
    """
    own = environ.get("SUPERVISOR_PROCESS_NAME") if supervised else own_unit(cgroup)
    own = own if own is not None and is_unit_name(own) else None
    aliases = frozenset() if own is None or supervised else _aliases(units, own)
    path = data / FILE_NAME
    try:
        return HostFacts(parse_allowed(_read_or_create(path)), own, aliases=aliases)
    except OSError as exc:
        warning = f"{path} cannot be used ({exc.strerror}); the usual services are allowed"
        return HostFacts(USUAL_SERVICES, own, warning, aliases)


def _aliases(units: Path, own: str) -> frozenset[str]:
    """Names whose unit is a link to that of ours (systemctl(1), enable)."""
    found = set()
    with contextlib.suppress(OSError):
        for link in units.glob("*.service"):
            if link.is_symlink() and Path(os.readlink(link)).name == f"{own}.service":
                found.add(link.stem)
    return frozenset(found)


def own_unit(cgroup: Path) -> str | None:
    """The unit in /proc/self/cgroup; None for a process that a user's session started."""
    try:
        unit = unit_of_cgroup(cgroup.read_text())
    except (OSError, ValueError):
        return None
    # Restarting it would end everything that this user runs.
    return None if unit is None or unit.startswith("user@") else unit


def _read_or_create(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except FileNotFoundError:
        content = "".join(f"{name}\n" for name in USUAL_SERVICES).encode()
        write_whole(path, content)
        logger.info("allowed services are listed in %s, which was made", path)
        return content
