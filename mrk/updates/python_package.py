"""What the metadata of an installed Python package say: version, where it came from, addresses.

Pure: texts come in.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from mrk import foreign_json
from mrk.foreign_json import NotJson
from mrk.updates.git_output import owner_and_name
from mrk.updates.versions import UNKNOWN, package_version

NOT_SPECIFIED = "not-specified"
AVAILABLE = "update-available"


class PackageRollback(msgspec.Struct, frozen=True):
    """What was installed before, and what pip is told to have it again."""

    version: str
    reference: str


class PackageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a package; also what is stored of it. `source` is index, github or `?`.

    `remote_reference` is what to install from GitHub: a tag, a branch, or nothing for the usual.
    """

    problem: str | None = None
    source: str = UNKNOWN
    owner: str = UNKNOWN
    repo_name: str = UNKNOWN
    version: str = UNKNOWN
    remote_version: str = UNKNOWN
    current_hash: str = UNKNOWN
    remote_hash: str = UNKNOWN
    remote_reference: str | None = None
    changelog_url: str = ""
    messages: tuple[str, ...] = ()
    system_dependencies: dict[str, Any] = {}
    rollback: PackageRollback | None = None

    @property
    def is_behind(self) -> bool:
        """Whether there is something to update to."""
        return self.remote_hash not in (UNKNOWN, self.current_hash)

    @property
    def short(self) -> str:
        """The version as front ends show it."""
        return short_version(self.version)


class InstalledPackage(msgspec.Struct, frozen=True):
    """The texts of a distribution: its version, direct_url.json, Project-URLs and release_info."""

    version: str
    direct_url: str | None = None
    project_urls: tuple[str, ...] = ()
    release_info: str | None = None


class _Vcs(msgspec.Struct, frozen=True):
    commit_id: str


class _DirectUrl(msgspec.Struct, frozen=True):
    url: str
    vcs_info: _Vcs | None = None


def short_version(version: str) -> str:
    """`1.2.dev3` as `v1.2-3`."""
    found = package_version(version)
    return version if found is None else found.short


def normalized(name: str) -> str:
    """PEP 503: names that differ only so are one."""
    return re.sub(r"[-_.]+", "-", name).lower()


def facts_of(package: InstalledPackage, before: PackageFacts) -> PackageFacts:
    """What is installed; of the remote nothing is known by that."""
    info = _release_info(package.release_info)
    urls = {**_labelled(package.project_urls), **_texts(info.get("urls"))}
    repository = next(
        (urls[key] for key in ("repository", "source", "homepage") if key in urls), ""
    )
    source, commit, problem = UNKNOWN, NOT_SPECIFIED, None
    if package.direct_url is None:
        source = "index"
    else:
        direct = _direct_url(package.direct_url)
        if direct is not None and direct.vcs_info is not None and "github.com" in direct.url:
            source, commit, repository = "github", direct.vcs_info.commit_id, direct.url
        else:
            problem = "The package was installed neither from an index nor from GitHub"
    owner, name = owner_and_name(repository) if "github.com" in repository else ("?", "?")
    dependencies = info.get("system_dependencies")
    return PackageFacts(
        problem=problem,
        source=source,
        owner=owner,
        repo_name=name,
        version=_version(info.get("git_version")) or package.version,
        current_hash=commit,
        changelog_url=urls.get("changelog", ""),
        system_dependencies=dependencies if isinstance(dependencies, dict) else {},
        rollback=before.rollback,
    )


def _version(value: object) -> str | None:
    return value if isinstance(value, str) and package_version(value) is not None else None


def _release_info(text: str | None) -> dict[str, Any]:
    try:
        return foreign_json.decode(text or "{}", dict[str, Any])
    except NotJson:
        return {}


def _direct_url(text: str) -> _DirectUrl | None:
    try:
        return foreign_json.decode(text, _DirectUrl)
    except NotJson:
        return None


def _labelled(urls: Iterable[str]) -> dict[str, str]:
    """From lines `Changelog, https://...`."""
    pairs = (url.partition(",") for url in urls)
    return {label.strip().lower(): url.strip() for label, comma, url in pairs if comma}


def _texts(found: object) -> Mapping[str, str]:
    if not isinstance(found, dict):
        return {}
    return {str(k).lower(): v for k, v in found.items() if isinstance(v, str)}


class _Metadata(msgspec.Struct, frozen=True):
    version: str
    name: str = ""


class _Install(msgspec.Struct, frozen=True):
    metadata: _Metadata


class _Report(msgspec.Struct, frozen=True):
    install: list[_Install] = []


def reported_version(report: str, name: str) -> str | None:
    """The version that `pip install --dry-run --report -` would install; None for none.

    Raises ValueError for what is no report.
    """
    start = report.find("{")
    try:
        found = foreign_json.decode(report[max(start, 0) :], _Report)
    except NotJson as exc:
        raise ValueError(f"pip's report cannot be read: {exc}") from exc
    for one in found.install:
        if not one.metadata.name or normalized(one.metadata.name) == normalized(name):
            return one.metadata.version
    return None


def is_newer(version: str, installed: str) -> bool:
    """Whether a version is newer than the installed one; one that is none is not."""
    one, other = package_version(version), package_version(installed)
    return one is not None and other is not None and one.key > other.key
