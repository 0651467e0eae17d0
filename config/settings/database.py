"""`[database]`: no options of its own; what older versions wrote into it.

Read by `read_database`.
"""

from pathlib import Path

import msgspec

from config.old_folders import read_old_folder
from config.paths import Paths
from config.reader import ConfigReader


class DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`old_folder` is to be linked into the data folder, None when there is nothing to do."""

    old_folder: Path | None = None


def read_database(reader: ConfigReader, paths: Paths) -> DatabaseSettings:
    """Read `[database]`; mistakes and warnings go to `reader`."""
    section = reader.section("database", moved_from="server")
    return DatabaseSettings(
        old_folder=read_old_folder(section, "database_path", paths.database, shown=False)
    )
