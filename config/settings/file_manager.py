"""`[file_manager]`: what clients may write, how changes are noticed, how g-code is scanned.

Times are in seconds. Read by `read_file_manager`; the bounds hold for written values only.
"""

from pathlib import Path

import msgspec

from config.config_errors import ConfigError
from config.old_folders import read_old_folder
from config.paths import Paths
from config.reader import ConfigReader
from config.section import Section
from config.values import Bounds

OBSERVERS = ("inotify", "none")
_PARSER_S = Bounds(low=0.1, high=3600, clamps=True)


class FileManagerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Roots, watching and metadata.

    `file_system_observer` is `inotify` or `none`; with `none` only changes made through the API
    are announced.
    """

    # Uploads asking for an immediate print go to the job queue when it cannot start.
    queue_gcode_uploads: bool = False
    # Warn when the printer's own config file lies outside the config root.
    check_klipper_config_path: bool = True
    # Rewrite object markers of sliced files for cancel-object before they are scanned.
    enable_object_processing: bool = False
    # Turn uploaded binary g-code (.bgcode), which Klipper cannot print, into text.
    convert_binary_gcode: bool = False
    # Answer an upload only when the disk has given back the bytes that it was given.
    read_back_uploads: bool = False
    file_system_observer: str = "inotify"
    # Show what the watcher cannot do among the server's warnings.
    enable_observer_warnings: bool = True
    # False makes the config root read-only over the API.
    enable_config_write_access: bool = True
    # Closed to clients as the usual one is: where a deprecated option put it, else None.
    secrets_file: Path | None = None
    # Old places that the data folder's are to become links to.
    old_config_folder: Path | None = None
    old_log_folder: Path | None = None
    # What the scan of one file may take before it is killed.
    metadata_parser_s: float = 20.0


def read_file_manager(reader: ConfigReader, paths: Paths) -> FileManagerSettings:
    """Read `[file_manager]`; mistakes and warnings go to `reader`."""
    section = reader.section("file_manager", moved_from="server")
    default = FileManagerSettings()
    scan_s = section.number("default_metadata_parser_timeout", default.metadata_parser_s, _PARSER_S)
    return FileManagerSettings(
        queue_gcode_uploads=section.boolean("queue_gcode_uploads", default.queue_gcode_uploads),
        check_klipper_config_path=section.boolean(
            "check_klipper_config_path", default.check_klipper_config_path
        ),
        enable_object_processing=section.boolean(
            "enable_object_processing", default.enable_object_processing
        ),
        convert_binary_gcode=section.boolean("convert_binary_gcode", default.convert_binary_gcode),
        read_back_uploads=section.boolean("read_back_uploads", default.read_back_uploads),
        file_system_observer=_observer(section, default.file_system_observer),
        enable_observer_warnings=_observer_warnings(section, default.enable_observer_warnings),
        enable_config_write_access=_write_access(section, default),
        old_config_folder=read_old_folder(section, "config_path", paths.config),
        old_log_folder=read_old_folder(section, "log_path", paths.logs),
        metadata_parser_s=scan_s,
        secrets_file=None if reader.secrets_file == paths.secrets else reader.secrets_file,
    )


def _write_access(section: Section, default: FileManagerSettings) -> bool:
    """Who writes the option wants to restrict: a word that cannot be read counts as no."""
    option = "enable_config_write_access"
    if not section.written(option):
        return section.boolean(option, default.enable_config_write_access)
    try:
        return section.boolean(option)
    except ConfigError as exc:
        section.warn(option, f"{exc.reason}; the config root is read-only until then")
        return False


def _observer(section: Section, default: str) -> str:
    """An unknown observer draws a warning and counts as none, as in Moonraker."""
    written = section.text("file_system_observer", default).lower()
    if written in OBSERVERS:
        return written
    section.warn("file_system_observer", f"must be one of {', '.join(OBSERVERS)}; none is used")
    return "none"


def _observer_warnings(section: Section, default: bool) -> bool:
    """The option under its new name, else under its old one."""
    new, old = "enable_observer_warnings", "enable_inotify_warnings"
    if section.deprecated(old, f"Write {new} instead."):
        default = section.boolean(old, default)
    return section.boolean(new, default)
