"""The roots of the data folder, and what is closed to clients within them."""

import os
from pathlib import Path

from config.paths import Paths
from config.settings.file_manager import FileManagerSettings
from mrk.errors import ClientError
from mrk.files.reserved import Permissions, ReservedPaths, usual_places
from mrk.files.roots import Root, Roots
from nurseries.files import disk_paths


def add_root(roots: Roots, name: str, path: Path, *, writable: bool) -> None:
    """A folder of an optional subsystem; raises as `FileRoots.add_root`."""
    real = os.path.realpath(path)
    if name in roots:
        raise ClientError(f"There is a root {name} already")
    if not roots.reserved.permissions(real):
        raise ClientError(f"{path} is closed to clients, and cannot be the root {name}", 403)
    roots.register(Root(name, str(path), real, writable))


def data_roots(paths: Paths, settings: FileManagerSettings, program: Path | None) -> Roots:
    """The roots of the data folder; what is closed within is resolved once, here."""
    folders = [
        ("config", paths.config, settings.enable_config_write_access),
        ("logs", paths.logs, False),
        ("gcodes", paths.gcodes, True),
    ]
    found = [Root(name, str(path), os.path.realpath(path), ok) for name, path, ok in folders]
    closed = usual_places(str(paths.data))
    also = (paths.database, paths.certificate.parent, settings.secrets_file)
    for written in (*list(closed), *(str(path) for path in also if path is not None)):
        closed[os.path.realpath(written)] = Permissions.NONE
    if program is not None:
        real = os.path.realpath(program)
        # Somebody may keep the data folder in there.
        if not any((root.real + "/").startswith(real + "/") for root in found):
            closed[real] = Permissions.NONE
    roots = Roots(ReservedPaths(closed, disk_paths.identities_of(list(closed))))
    for root in found:
        roots.register(root)
    return roots
