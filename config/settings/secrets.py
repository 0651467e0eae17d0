"""`[secrets]` and `[template]`: known sections without an option of their own.

`read_secrets` finds and reads the secrets file, before any family that has templates.
"""

from pathlib import Path

from config.paths import Paths
from config.reader import ConfigReader
from config.secrets_file import BadSecrets, read_secrets_file


def read_secrets(reader: ConfigReader, paths: Paths) -> tuple[Path, dict[str, object]]:
    """Where the secrets file lies, and its groups; {} with a warning for a bad file."""
    if reader.has("template"):
        reader.section("template")
    file = _file(reader, paths)
    try:
        groups, is_open = read_secrets_file(file)
    except BadSecrets as exc:
        reader.warnings.append(f"The secrets file {file} {exc}. No secret can be used.")
        return file, {}
    if is_open:
        # No warning in front ends: files written for Moonraker look like this.
        reader.notes.append(f"Every user of this machine may open {file}: chmod 600 it.")
    return file, groups


def _file(reader: ConfigReader, paths: Paths) -> Path:
    """The usual place, else the one the deprecated option names."""
    if not reader.has("secrets"):
        return paths.secrets
    section = reader.section("secrets")
    if not section.deprecated(
        "secrets_path", f"Put the file, or a link to it, at {paths.secrets}."
    ):
        return paths.secrets
    old = section.path("secrets_path", paths.secrets)
    return paths.secrets if paths.secrets.exists() else old
