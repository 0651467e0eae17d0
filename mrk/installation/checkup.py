"""What is wrong with an installation and what to do about it, from facts that others gather.

Pure. An error keeps something from working, a warning will one day, a note is for information.
"""

import re
import shlex
from collections.abc import Iterable, Sequence
from enum import IntEnum

import msgspec

from mrk.definitions.limits import MIB

_LINE = re.compile(r":\d+: ")
LEAST_FREE_BYTES = 200 * MIB
LOW_FREE_BYTES = 1024 * MIB
# No clock of a machine that runs this shows an earlier day.
_EARLIEST_S = 1_735_689_600.0  # 1 January 2025


class Level(IntEnum):
    """How bad it is."""

    GOOD = 0
    NOTE = 1
    WARNING = 2
    ERROR = 3


class Finding(msgspec.Struct, frozen=True):
    """One line of the page: `remedy` is what a person can do; `{mrk}` in it calls mrk."""

    subject: str
    level: Level
    text: str
    remedy: str = ""


class PathFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder as the user sees who runs mrk; `is_read_only` is its file system."""

    path: str
    exists: bool = True
    is_writable: bool = True
    is_read_only: bool = False
    is_secret: bool = False
    mode: int = 0o700
    owner: str = ""


class UnitFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The unit that runs mrk; `name` is empty where there is none."""

    name: str
    is_active: bool = False
    is_enabled: bool = False


class AccessFacts(msgspec.Struct, frozen=True, kw_only=True):
    """`[authorization]` as it is read, and how many users there are."""

    trusted: Sequence[str]
    forces_logins: bool
    users: int
    origins: Sequence[str]


class PortFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Who listens on a port of ours: mrk, a program by name, or nobody (empty)."""

    port: int
    is_mrk: bool
    program: str = ""


def on_configuration(lines: Sequence[str]) -> list[Finding]:
    """The lines of `mrk check-config`."""
    found = []
    for line in lines:
        mark, _, text = line.partition(": ")
        level = {"warning": Level.WARNING, "note": Level.NOTE}.get(mark, Level.ERROR)
        found.append(Finding("configuration", level, line if level is Level.ERROR else text))
    return found or [Finding("configuration", Level.GOOD, "no mistakes")]


def on_paths(facts: Iterable[PathFacts], user: str) -> list[Finding]:
    """Folders that must be there, files that others must not read."""
    found, read_only = [], []
    for path in facts:
        name = shlex.quote(path.path)
        if not path.exists:
            remedy = f"mkdir -p {name}"
            found.append(Finding("permissions", Level.ERROR, f"{path.path} is missing", remedy))
        elif path.is_read_only:
            read_only.append(path.path)
        elif not path.is_writable:
            text = f"{user} cannot write {path.path}, which belongs to {path.owner}"
            remedy = f"sudo chown -R {user}: {name}"
            found.append(Finding("permissions", Level.ERROR, text, remedy))
        elif path.is_secret and path.mode & 0o077:
            text = f"others of this host can read {path.path}"
            remedy = f"chmod 600 {name}"
            found.append(Finding("permissions", Level.WARNING, text, remedy))
    if read_only:
        text = f"mounted read-only: {', '.join(read_only)}"
        remedy = "Linux does so with a worn card: see sudo dmesg, save what is there, replace it"
        found.append(Finding("permissions", Level.ERROR, text, remedy))
    return found or [Finding("permissions", Level.GOOD, f"everything is {user}'s")]


def on_service(facts: UnitFacts, *, answers: bool) -> list[Finding]:
    """Whether mrk runs, and will after the next boot."""
    if not facts.name:
        text = "mrk is not a service: it does not start with the machine"
        return [Finding("service", Level.WARNING, text, "{mrk} install-service")]
    found = []
    if not facts.is_active:
        remedy = f"journalctl -u {facts.name} -n 50; sudo systemctl restart {facts.name}"
        found.append(Finding("service", Level.ERROR, f"{facts.name} does not run", remedy))
    elif not answers:
        text = f"{facts.name} runs, but does not answer on its unix socket"
        found.append(Finding("service", Level.ERROR, text, f"journalctl -u {facts.name} -n 50"))
    if not facts.is_enabled:
        text = f"{facts.name} does not start with the machine"
        remedy = f"sudo systemctl enable {facts.name}"
        found.append(Finding("service", Level.WARNING, text, remedy))
    return found or [Finding("service", Level.GOOD, f"{facts.name} runs")]


def on_polkit(*, is_there: bool, rule: str, is_hidden: bool = False) -> list[Finding]:
    """Whether mrk may control services; `rule` is the file that says so.

    Debian lets only polkit and root see the rules: `is_hidden`.
    """
    if not is_there:
        text = "there is no polkit: services and power need sudo"
        return [Finding("polkit", Level.NOTE, text)]
    if not rule and is_hidden:
        text = "only root can see whether a rule lets mrk control services and power"
        return [Finding("polkit", Level.NOTE, text, "sudo {mrk} doctor")]
    if not rule:
        text = "no rule lets mrk control services and power"
        return [Finding("polkit", Level.WARNING, text, "{mrk} install-service")]
    return [Finding("polkit", Level.GOOD, rule)]


def on_disk(path: str, free_bytes: int, free_inodes: int | None) -> list[Finding]:
    """Room for uploads and the database; None: the file system does not count inodes."""
    text = f"{free_bytes // MIB} MiB are free at {path}"
    remedy = "delete old g-code files and logs"
    if free_bytes < LEAST_FREE_BYTES:
        return [Finding("disk", Level.ERROR, text, remedy)]
    if free_inodes is not None and free_inodes < 1000:
        return [Finding("disk", Level.ERROR, f"{free_inodes} files fit at {path}", remedy)]
    level = Level.WARNING if free_bytes < LOW_FREE_BYTES else Level.GOOD
    return [Finding("disk", level, text, remedy if level else "")]


def on_database(
    newer: Sequence[str], trouble: str, copies: str, waiting: str = ""
) -> list[Finding]:
    """`newer` are owners of tables that an older mrk cannot use, `trouble` why it is not read,
    `copies` the folder of its daily copies, `waiting` a data folder with a database of Moonraker's
    that was never imported."""
    if newer:
        text = f"written by a newer mrk ({', '.join(newer)}): this one does not start with it"
        remedy = f"update mrk; or move it away, and put a copy from before there, of {copies}"
        return [Finding("database", Level.ERROR, text, remedy)]
    if trouble:
        remedy = f"mrk sets a damaged one aside when it starts, and takes a copy of {copies}"
        return [Finding("database", Level.ERROR, trouble, remedy)]
    if waiting:
        text = "Moonraker's history, users and settings were not taken over"
        remedy = f"stop mrk; {{mrk}} import-moonraker {shlex.quote(waiting)}"
        return [Finding("database", Level.NOTE, text, remedy)]
    return [Finding("database", Level.GOOD, "it is one of this mrk")]


def on_clock(now_s: float, *, is_synchronised: bool | None) -> list[Finding]:
    """Log-ins and certificates need the right time; None: nobody knows."""
    remedy = "sudo timedatectl set-ntp true"
    if now_s < _EARLIEST_S:
        text = "the clock is years behind: tokens and certificates fail"
        return [Finding("clock", Level.ERROR, text, remedy)]
    if is_synchronised is False:
        return [Finding("clock", Level.WARNING, "the clock is not synchronised", remedy)]
    return [Finding("clock", Level.GOOD, "the time is plausible")]


def on_klipper(socket: str, trouble: str, state: str) -> list[Finding]:
    """`trouble` is why its socket does not answer, else `state` is what it says."""
    if trouble:
        remedy = f"is Klipper started with -a {socket}? [server] klippy_uds_address names it"
        return [Finding("Klipper", Level.ERROR, f"{socket}: {trouble}", remedy)]
    if state != "ready":
        text = f"Klipper answers, its state is {state}"
        return [Finding("Klipper", Level.WARNING, text, "see klippy.log")]
    return [Finding("Klipper", Level.GOOD, "it answers and is ready")]


def on_front_ends(versions: Sequence[tuple[str, str]]) -> list[Finding]:
    """Name and version of each that mrk serves or that is in the home folder."""
    if not versions:
        text = "none was found in the home folder, and mrk serves none"
        remedy = "{mrk} frontend install mainsail, or fluidd"
        return [Finding("front ends", Level.NOTE, text, remedy)]
    told = ", ".join(f"{name} {version}" for name, version in versions)
    unknown = [name for name, version in versions if not version]
    if unknown:
        text = f"{', '.join(unknown)}: no version can be read"
        return [Finding("front ends", Level.WARNING, text, "install it again")]
    return [Finding("front ends", Level.GOOD, told)]


def on_access(facts: AccessFacts) -> list[Finding]:
    """Who may do what, from where."""
    found = []
    if any(network in ("0.0.0.0/0", "::/0") for network in facts.trusted):
        text = "everybody who reaches this port may do everything"
        remedy = "[authorization] trusted_clients: name your own network only"
        found.append(Finding("access", Level.WARNING, text, remedy))
    if "*" in "".join(facts.origins) and any(o in ("*", "*://*") for o in facts.origins):
        text = "every web page may ask this printer (cors_domains)"
        found.append(Finding("access", Level.WARNING, text, "name the front ends only"))
    trusted = ", ".join(facts.trusted) or "nowhere"
    logins = "a log-in all the same, as force_logins says" if facts.forces_logins else "no log-in"
    users = f"{facts.users} user{'s' * (facts.users != 1)}"
    text = f"from {trusted}: {logins}; from elsewhere: a log-in ({users})"
    found.append(Finding("access", Level.NOTE, text))
    if not facts.trusted and not facts.users:
        remedy = "{mrk} user add NAME"
        found.append(Finding("access", Level.ERROR, "nobody can come in", remedy))
    return found


def on_ports(facts: Iterable[PortFacts]) -> list[Finding]:
    """Whether mrk has its ports."""
    found = []
    for port in facts:
        if port.is_mrk:
            found.append(Finding("ports", Level.GOOD, f"mrk answers on {port.port}"))
        elif port.program == "mrk":
            text = f"mrk has port {port.port}, but not the unix socket of this folder"
            remedy = "is it the mrk of another data folder? Its log says what is wrong"
            found.append(Finding("ports", Level.ERROR, text, remedy))
        elif port.program:
            text = f"port {port.port} is {port.program}'s"
            remedy = f"end {port.program}, or choose another [server] port"
            found.append(Finding("ports", Level.ERROR, text, remedy))
        else:
            found.append(Finding("ports", Level.WARNING, f"nobody listens on {port.port}"))
    return found


def untold(warnings: Sequence[str], findings: Sequence[Finding]) -> list[str]:
    """Warnings of the daemon that are not among the findings already, there with file and line."""
    told = [_LINE.sub(": ", finding.text) for finding in findings]
    lines = (" ".join(warning.splitlines()) for warning in warnings)
    return [line for line in lines if not any(text.startswith(line) for text in told)]


def on_components(failed: Sequence[str], warnings: Sequence[str]) -> list[Finding]:
    """What `server.info` of the running daemon says."""
    found = [
        Finding("components", Level.ERROR, f"{name} does not run", "see moonraker.log")
        for name in failed
    ]
    found += [Finding("components", Level.WARNING, text) for text in warnings]
    return found or [Finding("components", Level.GOOD, "all that are configured run")]


_WORDS = {Level.GOOD: "ok", Level.NOTE: "note", Level.WARNING: "warning", Level.ERROR: "ERROR"}


def page(findings: Sequence[Finding], own_command: str = "mrk") -> str:
    """One page for a person, the worst last so that a terminal shows it."""
    lines = []
    for finding in sorted(findings, key=lambda one: one.level):
        lines.append(f"{_WORDS[finding.level]:<8} {finding.subject:<14} {finding.text}")
        if finding.remedy:
            remedy = finding.remedy.replace("{mrk}", own_command)
            lines.append(f"{'':<8} {'':<14} -> {remedy}")
    return "\n".join(lines)


def worst(findings: Iterable[Finding]) -> Level:
    """The level of the worst one."""
    return max((finding.level for finding in findings), default=Level.GOOD)
