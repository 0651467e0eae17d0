"""Where file systems are mounted, and which are on a network: there nobody tells of changes made by
other machines.

Read from `/proc/self/mountinfo` (proc(5)); the device numbers are those that `stat` gives.
"""

import re

_NETWORK = frozenset(
    {
        "9p",
        "afs",
        "ceph",
        "cifs",
        "davfs",
        "glusterfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
        "vboxsf",
        "virtiofs",
        "vmhgfs",
    }
)
_NETWORK_FUSE = ("fuse.sshfs", "fuse.rclone", "fuse.glusterfs", "fuse.s3fs", "fuse.vmhgfs")


def network_devices(mountinfo: str) -> frozenset[tuple[int, int]]:
    """Major and minor device numbers of all mounted network file systems."""
    found = set()
    for line in mountinfo.splitlines():
        fields, separator, rest = line.partition(" - ")
        columns, kinds = fields.split(), rest.split()
        if not separator or len(columns) < 3 or not kinds:
            continue
        major, colon, minor = columns[2].partition(":")
        if is_network(kinds[0]) and colon and major.isdecimal() and minor.isdecimal():
            found.add((int(major), int(minor)))
    return frozenset(found)


def is_network(kind: str) -> bool:
    """Whether a file system of this type can be changed by other machines."""
    return kind in _NETWORK or kind.startswith(_NETWORK_FUSE)


def mount_point(mountinfo: str, path: str) -> str:
    """Where the file system of a path is mounted; the path is absolute and free of links."""
    points = (
        _unescaped(fields[4]) for fields in map(str.split, mountinfo.splitlines()) if fields[4:]
    )
    above = [point for point in points if f"{path}/".startswith(f"{point.rstrip('/')}/")]
    return max(above, key=len, default="/")


def _unescaped(text: str) -> str:
    """Blanks and backslashes are written in octal."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
