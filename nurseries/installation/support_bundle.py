"""`mrk doctor --bundle`: what somebody who helps needs, without secrets, addresses and names.

A tar.gz with the doctor's page, versions, configuration, the ends of the logs and the daemon's own
answers. Only the database, the secrets file, g-code and certificates are never opened for it, but
for the names and keys that have to be taken out of the rest.
"""

import contextlib
import importlib.metadata
import io
import json
import os
import platform
import socket
import tarfile
from collections.abc import Iterator
from pathlib import Path

from config.config_errors import ConfigError
from config.load import load
from config.paths import Paths
from config.secret import Hidden
from config.secret_options import holds_secret
from mrk import foreign_json
from mrk.errors import MrkError
from mrk.foreign_json import NotJson
from mrk.installation.redaction import Redaction
from mrk.version import VERSION
from nurseries.installation.daemon_probe import ask
from nurseries.installation.doctor import keys_of, users_of
from nurseries.installation.target_system import HostUser

LOG_BYTES = 2 * 1024 * 1024  # the end of each
FILE_BYTES = 1024 * 1024
MOST_FILES = 200
MOST_LOGS = 10
_CONFIGURATION = (".conf", ".cfg", ".toml")
_ANSWERS = ("server.info", "server.nurseries", "machine.system_info", "machine.proc_stats")


def write_bundle(target: Path, paths: Paths, user: HostUser, page: str) -> int:
    """Write the archive, whole or not at all; returns its size. Raises `MrkError`."""
    part = target.with_name(f".{target.name}.part")
    redaction = _redaction(paths, user)
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as opened, tarfile.open(fileobj=opened, mode="w:gz") as archive:
            for name, text in _contents(paths, redaction, page):
                data = text.encode("utf-8", "replace")
                # No owner, no times of the originals.
                entry = tarfile.TarInfo(f"mrk-bundle/{redaction.text(name)}")
                entry.size = len(data)
                entry.mode = 0o600
                archive.addfile(entry, io.BytesIO(data))
        part.replace(target)
        return target.stat().st_size
    except OSError as exc:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise MrkError(f"{target} cannot be written: {exc.strerror}") from exc


def _contents(paths: Paths, redaction: Redaction, page: str) -> Iterator[tuple[str, str]]:
    yield "doctor.txt", redaction.text(page)
    yield "versions.txt", redaction.text(_versions())
    for file in _configuration_files(paths):
        name = f"config/{file.relative_to(paths.config)}"
        yield name, redaction.configuration(_end(file, FILE_BYTES))
    for file in _logs(paths):
        yield f"logs/{file.name}", redaction.text(_end(file, LOG_BYTES))
    for method in _ANSWERS:
        with contextlib.suppress(MrkError):
            answer = ask(paths.unix_socket, method)
            yield f"answers/{method}.json", redaction.text(json.dumps(answer, indent=2))


def _redaction(paths: Paths, user: HostUser) -> Redaction:
    """Everything that is known to be secret: read, listed, or named as one."""
    hidden = Hidden()
    with contextlib.suppress(ConfigError):
        hidden = load(paths).hidden
    for text in (*_in_secrets_file(paths.secrets), *keys_of(paths)):
        hidden.add(text)
    redaction = Redaction(hidden.redact, holds_secret)
    hosts: set[str] = set()
    for file in _configuration_files(paths):
        content = _end(file, FILE_BYTES)
        hosts.update(redaction.hosts_in(content))
        for text in redaction.secrets_in(content):
            hidden.add(text)
    people = {user.name, user.home.name, *users_of(paths)}
    name = socket.gethostname()
    return Redaction(hidden.redact, holds_secret, people, {name, name.partition(".")[0], *hosts})


def _in_secrets_file(file: Path) -> Iterator[str]:
    """Every value of it, in either of its two forms."""
    text = _end(file, FILE_BYTES)
    try:
        values = foreign_json.decode(text)
    except NotJson:
        for line in text.splitlines():
            _, mark, value = line.partition("=" if "=" in line else ":")
            if mark:
                yield value.strip()
        return
    yield from _texts(values)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _configuration_files(paths: Paths) -> list[Path]:
    found = [
        path
        for path in sorted(paths.config.rglob("*"))
        if path.suffix in _CONFIGURATION and path.is_file()
    ]
    return found[:MOST_FILES]


def _logs(paths: Paths) -> list[Path]:
    named = sorted(paths.logs.glob("*.log*"))
    files = [path for path in named if path.is_file() and not path.name.endswith(".gz")]
    return sorted(files, key=lambda path: path.stat().st_mtime, reverse=True)[:MOST_LOGS]


def _end(file: Path, limit: int) -> str:
    """The last part of a file, from a line's beginning; empty when it cannot be read."""
    try:
        with file.open("rb") as opened:
            size = opened.seek(0, os.SEEK_END)
            opened.seek(max(0, size - limit))
            data = opened.read(limit)
    except OSError:
        return ""
    text = data.decode("utf-8", "replace")
    return text.partition("\n")[2] if size > limit else text


def _versions() -> str:
    lines = [f"mrk {VERSION}", f"Python {platform.python_version()}", platform.platform()]
    with contextlib.suppress(OSError):
        lines += Path("/etc/os-release").read_text().splitlines()[:3]
    installed = {f"{found.name} {found.version}" for found in importlib.metadata.distributions()}
    return "\n".join([*lines, "", *sorted(installed)]) + "\n"
