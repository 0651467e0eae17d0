"""What an item needs beside its own files: Python requirements, packages of the system, npm's lock.

Pure. Only what a new version needs and the old one did not is installed.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mrk import foreign_json
from mrk.foreign_json import NotJson

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]{0,100}(?::[a-z0-9]+)?")
_LIST = re.compile(r"""^\s*PKGLIST=["']([^"'\n]*)["']""", re.MULTILINE)
_CONDITION = re.compile(
    r"\s*(distro_id|distro_version|vendor)\s*(==|!=|<=|>=|<|>)\s*(?:'([^']*)'|\"([^\"]*)\")\s*"
)
MOST_PACKAGES = 500


class HostDistribution(msgspec.Struct, frozen=True):
    """What runs here: `id` and those it is like, its version, and `raspberry-pi` or nothing."""

    id: str = ""
    like: tuple[str, ...] = ()
    version: str = ""
    vendor: str = ""


class DependencyList(msgspec.Struct, frozen=True):
    """What one version of an item needs; `npm_lock` is the hash of its package-lock.json."""

    requirements: frozenset[str] = frozenset()
    packages: tuple[str, ...] = ()
    npm_lock: str | None = None

    def has_new_requirements(self, before: "DependencyList") -> bool:
        """Whether there are Python requirements that `before` has not."""
        return not self.requirements <= before.requirements

    def new_packages(self, before: "DependencyList") -> tuple[str, ...]:
        """Packages of the system that `before` has not."""
        return tuple(name for name in self.packages if name not in before.packages)


def requirements(text: str) -> frozenset[str]:
    """The lines of a requirements file, without comments, options and hashes."""
    joined = text.replace("\\\n", " ")
    found = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
    return frozenset(re.sub(r"\s+--\S+", "", line) for line in found if line and line[0] != "-")


def npm_lock(data: bytes | None) -> str | None:
    """The hash of package-lock.json."""
    return None if data is None else hashlib.sha256(data).hexdigest()


def distribution(os_release: str, *, is_raspberry_pi: bool) -> HostDistribution:
    """From the text of /etc/os-release."""
    found: dict[str, str] = {}
    for line in os_release.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            found[key.strip()] = value.strip().strip("\"'")
    return HostDistribution(
        found.get("ID", ""),
        tuple(found.get("ID_LIKE", "").split()),
        found.get("VERSION_ID", ""),
        "raspberry-pi" if is_raspberry_pi else "",
    )


def script_packages(text: str) -> tuple[str, ...]:
    """The names in lines `PKGLIST="..."` of an installation script; variables are left out."""
    names = [name for line in _LIST.findall(text) for name in line.split()]
    return _valid(name for name in names if not name.startswith("$"))


def listed_packages(data: bytes, here: HostDistribution) -> tuple[str, ...]:
    """The names in system-dependencies.json for this distribution; raises ValueError.

    An entry may have a condition: `iw; distro_id == 'ubuntu' and distro_version >= '24.10'`.
    """
    try:
        found = foreign_json.decode(data, dict[str, Any])
    except NotJson as exc:
        raise ValueError(f"the list of system packages cannot be read: {exc}") from exc
    entries: Any = next((found[name] for name in (here.id, *here.like) if name in found), [])
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise ValueError("the list of system packages is none of texts")
    names: list[str] = []
    for entry in entries:
        name, semicolon, condition = entry.partition(";")
        if not semicolon or holds(condition, here):
            names.append(name.strip())
    return _valid(names)


def holds(condition: str, here: HostDistribution) -> bool:
    """Whether a condition is true here; `and` binds closer than `or`. Raises ValueError."""
    return any(
        all(_compared(part, here) for part in re.split(r"\band\b", alternative))
        for alternative in re.split(r"\bor\b", condition)
    )


def _compared(text: str, here: HostDistribution) -> bool:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text.strip()[:100]!r} is not a condition on a system package")
    name, operator = match[1], match[2]
    wanted = match[3] if match[3] is not None else match[4]
    if name == "distro_version":
        return _ordered(_numbers(here.version), operator, _numbers(wanted))
    value = here.id if name == "distro_id" else here.vendor
    return _ordered(value, operator, wanted)


def _ordered(one: Any, operator: str, other: Any) -> bool:
    return bool(
        {
            "==": one == other,
            "!=": one != other,
            "<": one < other,
            "<=": one <= other,
            ">": one > other,
            ">=": one >= other,
        }[operator]
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _valid(names: Any) -> tuple[str, ...]:
    """No name could be taken for an option or a pattern."""
    return tuple(dict.fromkeys(name for name in names if _PACKAGE.fullmatch(name)))[:MOST_PACKAGES]


def without(names: Sequence[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """Names that `MOONRAKER_EXCLUDED_PKGS` does not take out."""
    excluded = set(re.split(r"[\s,]+", environ.get("MOONRAKER_EXCLUDED_PKGS", "")))
    return tuple(name for name in names if name not in excluded)
