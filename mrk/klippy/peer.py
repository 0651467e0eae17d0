"""Who serves the other end of Klipper's socket: parsers of what the kernel says.

Pure; the link reads the credentials and the file.
"""

import struct

import msgspec

# struct ucred of unix(7): pid, uid, gid
UCRED = struct.Struct("3i")


class SocketPeer(msgspec.Struct, frozen=True):
    """Klipper's process; `unit` is its systemd unit without `.service`, if there is one."""

    pid: int
    uid: int
    gid: int
    unit: str | None = None


def parse_ucred(data: bytes) -> SocketPeer:
    """The value of SO_PEERCRED."""
    pid, uid, gid = UCRED.unpack(data[: UCRED.size])
    return SocketPeer(pid, uid, gid)


def unit_of_cgroup(text: str) -> str | None:
    """The service unit in `/proc/<pid>/cgroup`, innermost first; cgroups of version 1 and 2.

    `0::/system.slice/klipper.service` -> `klipper`.
    """
    found = None
    for line in text.splitlines():
        hierarchy, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        units = [part for part in path.split("/") if part.endswith(".service")]
        if not units:
            continue
        unit = units[-1].removesuffix(".service")
        if hierarchy == "0" or controllers == "name=systemd":
            return unit
        found = found or unit
    return found
