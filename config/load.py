"""From the data folder to a frozen `Configuration`.

Finds the file, reads it with its includes, lets every settings family read its sections,
and gathers warnings. Runs before the event loop starts, or in a thread at a restart: it
reads files and may block. `backup.py` adds what happens when this fails.
"""

import os
from pathlib import Path

import msgspec
from msgspec.structs import replace

from config.add_ons import find_add_ons
from config.config_errors import ConfigError, ConfigErrors
from config.include import read_conf
from config.notices import Failure, Notice
from config.old_folders import link_folders
from config.paths import CONF_NAME, TOML_NAME, Paths
from config.reader import ConfigReader
from config.secret import Hidden
from config.settings.families import FAMILIES, Settings, read_families
from config.settings.secrets import read_secrets
from config.source import ConfigSource
from config.template import Templates
from config.unread import tell_unread


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """What one reading of the files gave.

    `config`, `orig` and `files` are as `server.config` answers them. `failures` are components
    that do not run. `clean` is True when all notices are mild: such a file is good
    enough to be the backup. `main` is the file that was read, None for plain defaults.
    `notes` are for the log. `hidden` knows the secrets that templates and options gave away;
    no message may show them.
    """

    settings: Settings
    notices: tuple[Notice, ...] = ()
    failures: tuple[Failure, ...] = ()
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

    @property
    def warnings(self) -> list[str]:
        """What front ends show."""
        return [notice.text for notice in self.notices]

    def __repr__(self) -> str:
        return f"<configuration from {self.main}>"


class Attempt(msgspec.Struct, frozen=True):
    """A reading that may have failed: `configuration` is None exactly when it did."""

    configuration: Configuration | None
    problems: list[ConfigError]
    notices: list[Notice]
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
        if not _is_there(paths.config_file):
            reason = "the named configuration file does not exist"
            raise ConfigError(reason, file=str(paths.config_file))
        return paths.config_file
    # A dangling link is a file that should be there: reading it says what is wrong.
    names = (CONF_NAME, TOML_NAME)
    found = [paths.config / name for name in names if _is_there(paths.config / name)]
    if len(found) > 1:
        reason = f"holds both {CONF_NAME} and {TOML_NAME}; keep one, or name one with -c"
        raise ConfigError(reason, file=str(paths.config))
    return found[0] if found else None


def _is_there(file: Path) -> bool:
    """Also a link to nothing; raises ConfigError where that cannot be seen."""
    try:
        os.lstat(file)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as exc:
        raise ConfigError(f"cannot be read: {exc.strerror}", file=str(file)) from exc
    return True


def try_file(file: Path | None, paths: Paths) -> Attempt:
    """Read one file (None: defaults) and say everything that is wrong with it."""
    source = read_source(file)
    reader = ConfigReader(source)
    reader.templates = Templates(read_secrets(reader, paths))
    if file is None:
        said = f"no {CONF_NAME} and no {TOML_NAME} in {paths.config}: defaults are used"
        reader.warn(said)
    settings = read_families(reader, paths)
    problems = source.problems + reader.problems
    if file is not None and not reader.has("server") and not source.problems:
        problems.insert(0, ConfigError("this section is missing", file=file.name, section="server"))
    components = [family.section for family in FAMILIES]
    add_ons = find_add_ons(reader, components)
    tell_unread(reader, components, [add_on.component for add_on in add_ons])
    if problems:
        return Attempt(None, problems, reader.notices, reader.notes)
    configuration = Configuration(
        settings=replace(settings, add_ons=tuple(add_ons)),
        notices=tuple(reader.notices),
        failures=tuple(reader.failures),
        orig=source.orig(reader.shown),
        config=reader.values,
        files=source.listing(),
        clean=all(notice.mild for notice in reader.notices),
        main=file,
        read_files=tuple(read.path for read in source.files),
        backup_text=source.backup_text(),
        hidden=reader.templates.hidden,
        notes=tuple(reader.notes),
    )
    return Attempt(configuration, [], reader.notices, reader.notes)


def link_old_folders(configuration: Configuration, paths: Paths) -> None:
    """Make usual places links to what deprecated options name, where they are empty. Blocks."""
    files = configuration.settings.file_manager
    link_folders(
        (
            (paths.config, files.old_config_folder),
            (paths.logs, files.old_log_folder),
            (paths.database, configuration.settings.database.old_folder),
        )
    )


def read_source(file: Path | None) -> ConfigSource:
    """What the files say; None stands for no file at all. Raises ConfigError."""
    if file is None:
        return ConfigSource()
    if file.name.endswith((".toml", ".toml.bkp")):
        # Imported here: a data folder with a moonraker.conf never needs it.
        from config.toml import read_toml

        return read_toml(file)
    return read_conf(file)
