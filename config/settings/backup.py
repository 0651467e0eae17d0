"""`[backup]`: a daily backup of the installation; without the section there is none.

Read by `read_backup`.
"""

from pathlib import Path

import msgspec

from config.paths import Paths
from config.reader import ConfigReader
from config.values import Bounds

KEPT = Bounds(low=1, high=365, clamps=True)


class BackupSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`folder` holds the archives; `with_secrets` packs what lets somebody in, too."""

    data: Path
    folder: Path
    keep: int = 7
    with_secrets: bool = True


def read_backup(reader: ConfigReader, paths: Paths) -> BackupSettings | None:
    """Read the section; None when it is not written."""
    if not reader.has("backup"):
        return None
    section = reader.section("backup")
    return BackupSettings(
        data=paths.data,
        folder=section.path("folder", paths.backups),
        keep=section.integer("keep", 7, KEPT),
        with_secrets=section.boolean("with_secrets", True),
    )
