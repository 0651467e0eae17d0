"""`mrk frontend`: front ends that mrk serves, installed, listed and removed."""

import re
from functools import partial
from pathlib import Path

import click
import trio

from config.config_errors import ConfigError
from config.load import load
from config.paths import Paths
from config.settings.families import Settings
from config.settings.frontend import FrontEndSettings, prefix_of
from mrk.errors import MrkError, leaves
from mrk.frontends.static_answer import CONFIG
from mrk.updates.known_front_ends import KNOWN_FRONT_ENDS
from mrk.updates.release_info import ReleaseInfo
from nurseries.command_line.config_sections import ConfigFile, NotAdded, WantedSection
from nurseries.command_line.data_folder import check_owner
from nurseries.command_line.own_command import own_command
from nurseries.http_client.client import HttpClient
from nurseries.update_manager.download import Downloader
from nurseries.update_manager.front_end_install import (
    FrontEndInstall,
    installed_info,
    installed_version,
    remove_front_end,
)
from nurseries.update_manager.github import API_URL, GitHub

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_PORT = click.IntRange(1, 65535)


@click.group("frontend")
def command() -> None:
    """Front ends that mrk serves, without nginx."""


@command.command("install")
@click.argument("what", metavar="mainsail|fluidd|FILE.zip")
@click.option("--name", help="Of the section [that of the front end].")
@click.option("--path", type=click.Path(path_type=Path), help="Where it goes [~/NAME].")
@click.option("--prefix", default="", help="Path at which it is served [/].")
@click.option("--port", type=_PORT, help="A port of its own, such as 80.")
@click.option("--channel", type=click.Choice(["stable", "beta"]), default="stable")
@click.option("--sha256", help="Hash that FILE.zip must have.")
@click.option("--print", "only_prints", is_flag=True, help="Leave moonraker.conf as it is.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.pass_obj
def install(
    paths: Paths,
    /,
    what: str,
    name: str | None,
    path: Path | None,
    prefix: str,
    port: int | None,
    channel: str,
    sha256: str | None,
    only_prints: bool,
    yes: bool,
) -> None:
    """Install a release, and have it served and kept up to date.

    Sections are added at the end of moonraker.conf; what is there stays as it is.
    """
    check_owner(paths)
    name = name or _name_of(what)
    if not _NAME.fullmatch(name):
        raise MrkError(f"{name!r} is not a name (expected letters, digits, '.', '_' and '-')")
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise MrkError("--sha256 is not a SHA-256 in hexadecimal")
    path = (path or Path.home() / name).expanduser().absolute()
    one = FrontEndSettings(name=name, path=path, prefix=_prefix(prefix), port=port)
    if what not in KNOWN_FRONT_ENDS:
        _check_archive(what)
    if not yes:
        click.confirm(f"Install {what} to {path}?", abort=True, default=True)
    found = _install(what, path, channel, sha256)
    version = "" if found is None else f" {found.version}"
    click.echo(f"{name}{version} is in {path}")
    _configure(paths, _sections(one, found, channel), only_prints=only_prints)


def _name_of(what: str) -> str:
    return Path(what).name.removesuffix(".zip").partition("-")[0].lower() or what


def _prefix(text: str) -> str:
    try:
        return prefix_of(text)
    except ValueError as exc:
        raise MrkError(f"--prefix: {exc}") from exc


def _install(what: str, path: Path, channel: str, sha256: str | None) -> ReleaseInfo | None:
    task = FrontEndInstall(path, click.echo)
    if what in KNOWN_FRONT_ENDS:
        http = HttpClient()
        github = GitHub(http, base_url=API_URL)
        source = Downloader(http, github.scheme)
        run = partial(task.from_release, KNOWN_FRONT_ENDS[what], channel, github, source)
    else:
        run = partial(task.from_archive, Path(what), sha256 or _listed_beside(Path(what)))
    try:
        return trio.run(run)
    except* MrkError as group:
        raise MrkError("; ".join(map(str, leaves(group)))) from group


def _check_archive(what: str) -> None:
    if not what.endswith(".zip"):
        raise MrkError(
            f"{what!r} is not known (expected {', '.join(KNOWN_FRONT_ENDS)} or FILE.zip)"
        )
    if not Path(what).is_file():
        raise MrkError(f"there is no file {what}")


def _listed_beside(archive: Path) -> str | None:
    """The hash in FILE.zip.sha256, where there is one."""
    beside = archive.with_name(f"{archive.name}.sha256")
    if not beside.is_file():
        return None
    with beside.open("rb") as file:
        found = _SHA256.match(file.read(4096).decode("ascii", "replace").strip())
    if found is None:
        raise MrkError(f"{beside} holds no SHA-256")
    return found[0]


def _sections(
    one: FrontEndSettings, found: ReleaseInfo | None, channel: str
) -> list[WantedSection]:
    options = [("path", str(one.path))]
    if one.prefix:
        options.append(("prefix", one.prefix))
    if one.port is not None:
        options.append(("port", str(one.port)))
    sections = [WantedSection(f"frontend {one.name}", tuple(options))]
    # Whoever made the archive wrote what is found in it.
    if found is not None and found.repo is not None:
        kept = (
            ("type", "web"),
            ("channel", channel),
            ("repo", found.repo),
            ("path", str(one.path)),
            ("persistent_files", CONFIG),
        )
        sections.append(WantedSection(f"update_manager {one.name}", kept))
    return sections


def _configure(paths: Paths, sections: list[WantedSection], *, only_prints: bool) -> None:
    try:
        if only_prints:
            raise NotAdded("nothing was written")
        file = ConfigFile(paths)
        if all(title.split(" ")[0] != "update_manager" for title in file.titles):
            # An item alone would switch on updates of everything else, too.
            sections = [one for one in sections if not one.title.startswith("update_manager")]
        added = file.add(sections)
    except NotAdded as exc:
        click.echo(f"{exc}. Add this to the configuration yourself:\n")
        click.echo("\n".join(one.text for one in sections))
        return
    for title in added:
        click.echo(f"added to {file.path}: [{title}]")
    for one in sections:
        if one.title not in added:
            click.echo(f"[{one.title}] is there already, and stays as it is")
    restart = f"{own_command(paths)} call server.restart"
    click.echo(f"Restart mrk, or `{restart}`, and open it in a browser.")


@command.command("list")
@click.pass_obj
def show(paths: Paths) -> None:
    """List the front ends that are configured, with their versions."""
    settings = _settings(paths)
    if not settings.frontends:
        click.echo(
            f"There is no [frontend]: {own_command(paths)} frontend install mainsail, or fluidd"
        )
    for one in settings.frontends:
        version = installed_version(one.path)
        told = "not installed" if version is None else version or "version unknown"
        places = [f":{port}{one.prefix}/" for port in (one.port, one.ssl_port) if port is not None]
        if not places or one.prefix:
            places.append(f":{settings.server.port}{one.prefix}/")
        click.echo(f"{one.name or '-':<12} {told:<16} {' '.join(places):<24} {one.path}")


@command.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.pass_obj
def remove(paths: Paths, name: str, yes: bool) -> None:
    """Remove the folder of [frontend NAME], and the sections that install added."""
    check_owner(paths)
    one = next((one for one in _settings(paths).frontends if one.name == name), None)
    if one is None:
        raise MrkError(f"there is no [frontend {name}]")
    if not yes:
        click.confirm(f"Remove {one.path} with all that is in it?", abort=True)
    sections = _added_sections(one)
    remove_front_end(one.path)
    click.echo(f"removed {one.path}")
    removed: list[str] = []
    try:
        file = ConfigFile(paths)
        removed = file.take_away(sections)
        left = {one.title for one in sections} & file.titles - set(removed)
    except NotAdded as exc:
        click.echo(str(exc))
        left = {one.title for one in sections}
    for title in removed:
        click.echo(f"removed from the configuration: [{title}]")
    for title in sorted(left):
        click.echo(f"[{title}] was not made by this command: remove it yourself")


def _added_sections(one: FrontEndSettings) -> list[WantedSection]:
    """What install may have added for it, by what lies there."""
    found = installed_info(one.path)
    channels = ("stable", "beta")
    sections = [section for channel in channels for section in _sections(one, found, channel)]
    return list(dict.fromkeys(sections))


def _settings(paths: Paths) -> Settings:
    try:
        return load(paths).settings
    except ConfigError as exc:
        raise MrkError(str(exc)) from exc
