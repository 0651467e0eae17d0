"""Which distribution runs, from os-release.

Pure. Format: os-release(5), shell-like assignments.
"""

import re
import shlex

import msgspec

_MOST_BYTES = 16384
_ASSIGNMENT = r"([A-Z][A-Z0-9_]*)=(.*)\Z"
# `VERSION="10 (buster)"`, where the codename has no line of its own.
_IN_PARENTHESES = r"\(([^()]+)\)\s*\Z"
_RELEASE_INFO = {"NAME": "name", "VERSION_ID": "version_id", "ID": "id"}


class VersionParts(msgspec.Struct, frozen=True):
    """Of `22.04.1`: 22, 04 and 1; empty where there is none."""

    major: str = ""
    minor: str = ""
    build_number: str = ""


class Distribution(msgspec.Struct, frozen=True):
    """Texts are empty when unknown."""

    name: str
    id: str
    version: str
    version_parts: VersionParts
    like: str
    codename: str
    release_info: dict[str, str]
    kernel_version: str


def distribution(os_release: bytes | None, kernel_version: str) -> Distribution:
    """Describe it; `kernel_version` is uname's release."""
    fields = parse_os_release(os_release or b"")
    version = fields.get("VERSION_ID", "")
    info = {ours: fields[theirs] for theirs, ours in _RELEASE_INFO.items() if fields.get(theirs)}
    codename = _codename(fields)
    if codename:
        info["codename"] = codename
    return Distribution(
        name=fields.get("PRETTY_NAME") or fields.get("NAME", ""),
        id=fields.get("ID", ""),
        version=version,
        version_parts=VersionParts(*version.split(".")[:3]),
        like=fields.get("ID_LIKE", ""),
        codename=codename,
        release_info=info,
        kernel_version=kernel_version,
    )


def _codename(fields: dict[str, str]) -> str:
    named = fields.get("VERSION_CODENAME") or fields.get("UBUNTU_CODENAME")
    if named:
        return named
    found = re.search(_IN_PARENTHESES, fields.get("VERSION", ""))
    return found[1] if found else ""


def parse_os_release(data: bytes) -> dict[str, str]:
    """Return its assignments; lines that make no sense are left out."""
    found = {}
    for line in data[:_MOST_BYTES].decode("utf-8", "replace").splitlines():
        assignment = re.match(_ASSIGNMENT, line.strip())
        if assignment is not None:
            value = _unquoted(assignment[2])
            if value is not None:
                found[assignment[1]] = value
    return found


def _unquoted(written: str) -> str | None:
    try:
        words = shlex.split(written)
    except ValueError:  # a quote without its end
        return None
    value = words[0] if len(words) == 1 else ""
    return value if len(words) < 2 and (not value or value.isprintable()) else None
