"""From the data folder to a frozen `Configuration`.

Finds the file, reads it with its includes, lets every settings family read its sections,
and gathers warnings. Runs before the event loop starts, or in a thread at a restart: it
reads files and may block. `backup.py` adds what happens when this fails.
"""

import os
from pathlib import Path

import msgspec

from config.config_errors import ConfigError, ConfigErrors
from config.include import read_conf
from config.paths import CONF_NAME, TOML_NAME, Paths
from config.reader import ConfigReader
from config.secret import Hidden
from config.settings.families import FAMILIES, Settings
from config.settings.secrets import read_secrets
from config.source import ConfigSource
from config.template import Templates


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """What one reading of the files gave.

    `config`, `orig` and `files` are as `server.config` answers them. `clean` is True when
    nothing but sections and options of later versions went unread: such a file is good
    enough to be the backup. `main` is the file that was read, None for plain defaults.
    `notes` are for the log. `hidden` knows the secrets that templates and options gave away;
    no message may show them.
    """

    settings: Settings
    warnings: list[str]
    orig: dict[str, dict[str, str]]
    config: dict[str, dict[str, object]]
    files: list[dict[str, object]]
    backup_used: bool = False
    clean: bool = False
    main: Path | None = None
    read_files: tuple[Path, ...] = ()
    backup_text: str = ""
    hidden: Hidden = msgspec.field(default_factory=Hidden)
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<configuration from {self.main}>"


class Attempt(msgspec.Struct, frozen=True):
    """A reading that may have failed: `configuration` is None exactly when it did."""

    configuration: Configuration | None
    problems: list[ConfigError]
    warnings: list[str]
    notes: list[str]


def load(paths: Paths) -> Configuration:
    """Read the configuration; raises ConfigError (all mistakes at once)."""
    return load_file(find_file(paths), paths)


def load_file(file: Path | None, paths: Paths) -> Configuration:
    """Read one file (None: defaults) as the configuration; raises ConfigError."""
    attempt = try_file(file, paths)
    if attempt.configuration is None:
        raise ConfigErrors(attempt.problems)
    return attempt.configuration


def find_file(paths: Paths) -> Path | None:
    """The file to read: the named one, else the one in the data folder, else None.

    Raises ConfigError if a named file is missing or the folder holds both kinds.
    """
    if paths.config_file is not None:
        if not os.path.lexists(paths.config_file):
            reason = "the named configuration file does not exist"
            raise ConfigError(reason, file=str(paths.config_file))
        return paths.config_file
    # A dangling link is a file that should be there: reading it says what is wrong.
    names = (CONF_NAME, TOML_NAME)
    found = [paths.config / name for name in names if os.path.lexists(paths.config / name)]
    if len(found) > 1:
        reason = f"holds both {CONF_NAME} and {TOML_NAME}; keep one, or name one with -c"
        raise ConfigError(reason, file=str(paths.config))
    return found[0] if found else None


def try_file(file: Path | None, paths: Paths) -> Attempt:
    """Read one file (None: defaults) and say everything that is wrong with it."""
    source = read_source(file)
    reader = ConfigReader(source)
    reader.secrets_file, secrets = read_secrets(reader, paths)
    reader.templates = Templates(secrets)
    fields: dict[str, object] = {}
    for name, read in FAMILIES:
        try:
            fields[name] = read(reader, paths)
        except ConfigError as exc:
            reader.problems.append(exc)
    problems = source.problems + reader.problems
    if file is not None and not reader.has("server") and not source.problems:
        problems.insert(0, ConfigError("this section is missing", file=file.name, section="server"))
    known, unknown = reader.unread()
    warnings = [*reader.warnings, *unknown]
    if file is None:
        reason = f"no {CONF_NAME} and no {TOML_NAME} in {paths.config}: defaults are used"
        warnings.insert(0, reason)
    if problems:
        return Attempt(None, problems, [*warnings, *known], reader.notes)
    configuration = Configuration(
        settings=Settings(**fields),  # type: ignore[arg-type]
        warnings=[*warnings, *known],
        orig=source.orig(reader.shown),
        config=reader.values,
        files=source.listing(),
        clean=not warnings,
        main=file,
        read_files=tuple(read.path for read in source.files),
        backup_text=source.backup_text(),
        hidden=reader.templates.hidden,
        notes=tuple(reader.notes),
    )
    return Attempt(configuration, [], configuration.warnings, reader.notes)


def read_source(file: Path | None) -> ConfigSource:
    """What the files say; None stands for no file at all. Raises ConfigError."""
    if file is None:
        return ConfigSource()
    if file.name.endswith((".toml", ".toml.bkp")):
        # Imported here: a data folder with a moonraker.conf never needs it.
        from config.toml import read_toml

        return read_toml(file)
    return read_conf(file)
