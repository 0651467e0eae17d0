"""The backup configuration: the last good one, as one flat file beside the main file.

Written after a good reading, used when the real file is broken at a start; the real file
is tried again at the next restart. The daemon calls `load_or_backup` when its process
starts and `load_or_keep` at a restart within the process.
"""

import logging
import os
import time
from pathlib import Path

import msgspec

from config.config_errors import ConfigError
from config.load import Configuration, find_file, load_file
from config.notices import Notice
from config.paths import CONF_NAME, TOML_NAME, Paths
from config.whole_file import write_whole

logger = logging.getLogger(__name__)

_KEPT = "The configuration cannot be used; the one read before stays in force: "


def backup_path(main: Path) -> Path:
    """Where the backup of a configuration file lies: `.moonraker.conf.bkp` beside it."""
    return main.with_name(f".{main.name}.bkp")


def load_or_backup(paths: Paths) -> Configuration:
    """Read the configuration, or its backup if it is broken; for the start of a process.

    Raises as `read_or_backup`.
    """
    configuration = read_or_backup(paths)
    save_backup(configuration)
    return configuration


def read_or_backup(paths: Paths) -> Configuration:
    """The same for who only looks: nothing is written.

    Raises the ConfigError of the real file if there is no backup, or none that works.
    """
    try:
        return load_file(find_file(paths), paths)
    except ConfigError as exc:
        return _fall_back(paths, exc)


def load_or_keep(paths: Paths, current: Configuration) -> Configuration:
    """Read the configuration again; if it is broken, `current` with a warning that says so."""
    try:
        configuration = load_file(find_file(paths), paths)
    except ConfigError as exc:
        older = [notice for notice in current.notices if not notice.text.startswith(_KEPT)]
        return msgspec.structs.replace(current, notices=(Notice(_KEPT + str(exc)), *older))
    save_backup(configuration)
    return configuration


def save_backup(configuration: Configuration) -> bool:
    """Write the backup of a clean configuration; True if a file was written.

    Not written if one with the same text exists that is at least as new as every file read. A
    folder that cannot be written to is logged and costs nothing else.
    """
    main = configuration.main
    if main is None or not configuration.clean or configuration.backup_used:
        return False
    target = backup_path(main)
    try:
        text = configuration.backup_text.encode()
        if _is_current(target, text, configuration.read_files):
            return False
        write_whole(target, text, mode=main.stat().st_mode & 0o777)
    except OSError as exc:
        logger.warning("the backup configuration %s cannot be written: %s", target, exc)
        return False
    return True


def _fall_back(paths: Paths, error: ConfigError) -> Configuration:
    main = _broken_file(paths)
    backup = backup_path(main)
    if not os.path.isfile(backup):
        raise error
    try:
        configuration = load_file(backup, paths)
    except ConfigError as exc:
        logger.warning("the backup configuration cannot be used either: %s", exc)
        raise error from exc
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(backup.stat().st_mtime))
    said = (
        f"The configuration cannot be used; its backup {backup.name} of {made} is in force, and "
        f"changes of {main.name} have no effect until that is mended: {error}"
    )
    notices = (Notice(said), *configuration.notices)
    return msgspec.structs.replace(configuration, notices=notices, backup_used=True)


def _broken_file(paths: Paths) -> Path:
    """The file whose backup counts; with both kinds in the folder, the one that has one."""
    if paths.config_file is not None:
        return paths.config_file
    conf, toml = paths.config / CONF_NAME, paths.config / TOML_NAME
    newest = [
        file for file in (conf, toml) if os.path.exists(file) and os.path.isfile(backup_path(file))
    ]
    return max(newest, key=lambda file: backup_path(file).stat().st_mtime_ns, default=conf)


def _is_current(backup: Path, text: bytes, files: tuple[Path, ...]) -> bool:
    try:
        found = backup.stat()
    except FileNotFoundError:
        return False
    if found.st_mtime_ns < max(file.stat().st_mtime_ns for file in files):
        return False
    # The newer one may be that of a clock that was ahead, and a file that was put back is old.
    return found.st_size == len(text) and backup.read_bytes() == text
