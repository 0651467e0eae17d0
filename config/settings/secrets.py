"""`[secrets]` and `[template]`: known sections without an option of their own.

`read_secrets` finds and reads the secrets file, before any family that has templates.
"""

from pathlib import Path

from config.absent import is_absent
from config.notices import mistake_notices
from config.paths import Paths
from config.reader import ConfigReader
from config.secrets_file import BadSecrets, read_secrets_file


def read_secrets(reader: ConfigReader, paths: Paths) -> dict[str, object]:
    """The groups of the secrets file, whose place `reader` is told; {} for a bad file."""
    if reader.has("template"):
        reader.section("template")
    reader.secrets_file = file = _file(reader, paths)
    reader.secrets_absent = is_absent(file, follow_symlinks=False)
    try:
        groups, is_open = read_secrets_file(file)
    except BadSecrets as exc:
        reader.warn(f"The secrets file {file} {exc}. No secret can be used.")
        return {}
    if is_open:
        # No warning in front ends: files written for Moonraker look like this.
        reader.notes.append(f"Every user of this machine may open {file}: chmod 600 it.")
    return groups


def _file(reader: ConfigReader, paths: Paths) -> Path:
    """The usual place, else the one the deprecated option names."""
    if not reader.has("secrets"):
        return paths.secrets
    section = reader.section("secrets")
    if not section.deprecated(
        "secrets_path", f"Put the file, or a link to it, at {paths.secrets}."
    ):
        return paths.secrets
    if not section.filled("secrets_path"):
        return paths.secrets
    old, mistakes = reader.attempt(lambda: section.path("secrets_path", paths.secrets))
    reader.notices += mistake_notices(mistakes, f"{paths.secrets} is used.")
    if old is None or mistakes or not is_absent(paths.secrets, follow_symlinks=False):
        return paths.secrets
    if is_absent(old, follow_symlinks=False):
        section.warn("secrets_path", f"names a file that does not exist: {old}")
    return old
