"""`[update_manager <name>]`: one thing that is kept up to date, of one of five types.

Read by `config/settings/update_manager.py`. A section with a mistake is left out with a warning:
the others are still updated.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from config.config_errors import quoted
from config.reader import ConfigReader
from config.section import Required, Section, checked_path
from config.values import Bounds, choice

TYPES = ("git_repo", "web", "zip", "python", "executable")
CHANNELS: Mapping[str, tuple[str, ...]] = {
    "git_repo": ("dev", "stable", "beta"),
    "web": ("stable", "beta"),
    "zip": ("stable", "beta"),
    "python": ("stable", "beta", "dev"),
    "executable": ("stable", "beta"),
}
ALL_CHANNELS = ("stable", "beta", "dev")
HOURS = Bounds(low=0, high=87600, clamps=True)
HOUR_S = 3600.0
# What an update writes itself.
OWN_FILES = ("release_info.json", ".version")
_REPO = re.compile(
    r"(?:https?://(?:www\.)?github\.com/)?([A-Za-z0-9][A-Za-z0-9-]*)/([A-Za-z0-9._-]+?)(?:\.git)?/?"
)
# Types of older versions, which had one for each channel.
_BETA = {"web_beta": "web", "zip_beta": "zip"}
_COMMIT = re.compile(r"[0-9a-f]{8,64}")
_PROJECT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([A-Za-z0-9._,\s-]*)\])?")
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+@-]*")


class UpdateChoices(msgspec.Struct, frozen=True, kw_only=True):
    """What a section may say of any item; None: not written. `refresh_interval_s` in seconds."""

    channel: str | None = None
    channel_invalid: bool = False
    pinned_commit: str | None = None
    refresh_interval_s: float | None = None
    report_anomalies: bool = True


class DependencySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an item needs beside its own files. `requirements`, `system_dependencies` and
    `install_script` are relative to the item's folder; `virtualenv` is absolute."""

    virtualenv: Path | None = None
    pip_environment: Mapping[str, str] = {}
    requirements: str | None = None
    system_dependencies: str | None = None
    install_script: str | None = None
    node_updates: bool = False


class UpdateItemSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One item. `services` are restarted after an update; `info_tags` are for front ends.

    Of git_repo: `origin`, `moved_origin`, `primary_branch`. Of web, zip and executable: `repo`
    (owner and name on GitHub), and `persistent_files`, names in `path` that an update keeps. Of
    python: `project` with its `extras`; its `primary_branch` may be empty.
    """

    name: str
    type: str
    choices: UpdateChoices = UpdateChoices()
    path: Path | None = None
    services: tuple[str, ...] = ()
    info_tags: tuple[str, ...] = ()
    origin: str = ""
    moved_origin: str | None = None
    primary_branch: str = ""
    repo: tuple[str, str] | None = None
    persistent_files: tuple[str, ...] = ()
    project: str = ""
    extras: tuple[str, ...] = ()
    dependencies: DependencySettings = DependencySettings()

    @property
    def channel(self) -> str:
        """The one that is followed."""
        return self.choices.channel or CHANNELS[self.type][0]


def read_item(reader: ConfigReader, title: str) -> UpdateItemSettings:
    """One section; its mistakes go to `reader`."""
    section, name = reader.section(title), item_name(title)
    kind = section.custom("type", Required("web"), _type)
    read: Callable[[Section, str, str], UpdateItemSettings] = {
        "git_repo": _git_repo,
        "python": _python,
    }.get(kind, _released)
    return read(section, name, kind)


def item_name(title: str) -> str:
    """`update_manager client mainsail`, as older files say, is `mainsail` too."""
    return title.split(maxsplit=1)[1].removeprefix("client ").strip()


def read_choices(section: Section, kind: str) -> UpdateChoices:
    """The options that each item has, the two built-in ones included."""
    channel = section.choice("channel", ALL_CHANNELS, None)
    known = CHANNELS[kind]
    invalid = channel is not None and channel not in known
    if invalid:
        section.warn(
            "channel",
            f"{quoted(str(channel))} does not exist for the type {kind}; {known[0]} is followed"
            f" (expected one of {', '.join(known)})",
        )
    hours = section.integer("refresh_interval", None, HOURS)
    pinned = section.custom("pinned_commit", None, _commit) if kind == "git_repo" else None
    return UpdateChoices(
        channel=None if invalid else channel,
        channel_invalid=invalid,
        pinned_commit=pinned,
        refresh_interval_s=None if hours is None else interval_s(hours),
        report_anomalies=section.boolean("report_anomalies", True),
    )


def interval_s(hours: int) -> float:
    """`refresh_interval` in seconds: 0 is as often as anything is looked for, each hour."""
    return max(hours, 1) * HOUR_S


def _git_repo(section: Section, name: str, kind: str) -> UpdateItemSettings:
    path = section.path("path", Required("~/KlipperScreen"))
    return UpdateItemSettings(
        name=name,
        type=kind,
        choices=read_choices(section, kind),
        path=path,
        services=_services(section, name),
        info_tags=_tags(section),
        origin=section.custom("origin", Required("https://example.org/me/project.git"), _url),
        moved_origin=section.custom("moved_origin", None, _url),
        primary_branch=section.custom("primary_branch", "master", _branch),
        dependencies=_dependencies(section, path),
    )


def _released(section: Section, name: str, kind: str) -> UpdateItemSettings:
    """web, zip and executable: what GitHub has as a release."""
    path = section.path("path", Required("~/mainsail"))
    dependencies = DependencySettings()
    if kind == "zip":
        dependencies = _dependencies(section, path)
    elif kind == "executable":
        dependencies = DependencySettings(
            system_dependencies=section.custom("system_dependencies", None, _inside(path))
        )
    return UpdateItemSettings(
        name=name,
        type=kind,
        choices=read_choices(section, kind),
        path=path,
        services=() if kind == "web" else _services(section, name),
        info_tags=_tags(section),
        repo=section.custom("repo", Required("mainsail-crew/mainsail"), _repo),
        persistent_files=() if kind == "executable" else _persistent(section),
        dependencies=dependencies,
    )


def _python(section: Section, name: str, kind: str) -> UpdateItemSettings:
    project, extras = section.custom("project_name", None, _project) or (name, ())
    section.text("venv_args", "")
    return UpdateItemSettings(
        name=name,
        type=kind,
        choices=read_choices(section, kind),
        services=_services(section, name),
        info_tags=_tags(section),
        primary_branch=section.custom("primary_branch", "", _branch),
        project=project,
        extras=extras,
        dependencies=DependencySettings(
            virtualenv=_virtualenv(section, None, required=True),
            pip_environment=_pip_environment(section),
        ),
    )


# Options that several types share


def _services(section: Section, name: str) -> tuple[str, ...]:
    own = (name,) if section.boolean("is_system_service", True) else ()
    wanted = section.items("managed_services", None, separator=None)
    if wanted is None:
        return own
    known = (name, "klipper", "moonraker")
    for service in wanted:
        if service not in known:
            section.warn(
                "managed_services",
                f"names {quoted(service)}, which is left out (expected {', '.join(known)})",
            )
    return tuple(dict.fromkeys(service for service in wanted if service in known))


def _tags(section: Section) -> tuple[str, ...]:
    return tuple(section.items("info_tags", []))


def _persistent(section: Section) -> tuple[str, ...]:
    names = [name.rstrip("/") for name in section.items("persistent_files", None) or ()]
    for name in names:
        if "/" in name or name in ("", ".", "..", *OWN_FILES):
            section.problem(
                "persistent_files",
                f"{quoted(name)} cannot be kept (expected names of files and folders in 'path',"
                f" other than {' and '.join(OWN_FILES)})",
            )
    return tuple(names)


def _dependencies(section: Section, path: Path) -> DependencySettings:
    virtualenv = _virtualenv(section, path)
    section.text("venv_args", "")
    inside = _inside(path)
    requirements = section.custom("requirements", None, inside)
    if virtualenv is not None and not section.filled("requirements"):
        section.problem("virtualenv", "needs the option requirements, a file in 'path'")
    return DependencySettings(
        virtualenv=virtualenv,
        pip_environment=_pip_environment(section),
        requirements=requirements,
        system_dependencies=section.custom("system_dependencies", None, inside),
        install_script=section.custom("install_script", None, inside),
        node_updates=section.boolean("enable_node_updates", False),
    )


def _virtualenv(section: Section, path: Path | None, *, required: bool = False) -> Path | None:
    """The folder, or the one that an interpreter of the older `env` lies in."""
    folder = section.custom("virtualenv", None, checked_path)
    interpreter = section.custom("env", None, checked_path)
    if folder is None and interpreter is not None:
        folder = interpreter.parent.parent
    if folder is None:
        if required and not section.filled("virtualenv"):
            section.path("virtualenv", Required("~/mooncord-env"))
        return None
    return (path or Path.home()) / folder


def _pip_environment(section: Section) -> dict[str, str]:
    written = section.mapping("pip_environment_variables", {})
    return {key: value or "" for key, value in written.items()}


# Values


def _type(text: str) -> str:
    if text in _BETA:
        raise ValueError(
            f"{quoted(text)} is of an older version (write type: {_BETA[text]} and channel: beta)"
        )
    return choice(text, TYPES)


def _inside(folder: Path) -> Callable[[str], str]:
    """Reads the path of a file in `folder`, relative to it or whole; gives the relative one."""

    def read(text: str) -> str:
        path = checked_path(text)
        if path.is_relative_to(folder):
            path = path.relative_to(folder)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError(
                f"{quoted(text)} is not a file in 'path' (expected a path relative to"
                f" {folder}, or within it)"
            )
        return str(path)

    return read


def _url(text: str) -> str:
    if not text or text.startswith("-") or "::" in text or any(char.isspace() for char in text):
        raise ValueError(f"{quoted(text)} is not the address of a repository")
    return text


def _branch(text: str) -> str:
    if not _BRANCH.fullmatch(text) or ".." in text:
        raise ValueError(f"{quoted(text)} is not the name of a branch")
    return text


def _repo(text: str) -> tuple[str, str]:
    match = _REPO.fullmatch(text)
    if match is None:
        raise ValueError(f"{quoted(text)} is not owner/name (expected mainsail-crew/mainsail)")
    return match[1], match[2]


def _commit(text: str) -> str:
    lowered = text.lower()
    if not _COMMIT.fullmatch(lowered):
        raise ValueError(f"{quoted(text)} is not a commit (expected at least 8 hexadecimal digits)")
    return lowered


def _project(text: str) -> tuple[str, tuple[str, ...]]:
    match = _PROJECT.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{quoted(text)} is not the name of a Python package (expected name[extra])"
        )
    extras = (match[2] or "").split(",")
    return match[1], tuple(extra.strip() for extra in extras if extra.strip())
