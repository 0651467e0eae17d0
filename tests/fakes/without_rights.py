"""What may not be read, for tests that root runs too."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def without_rights() -> Iterator[None]:
    """For root: as nobody."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(mine)


@contextlib.contextmanager
def closed_folder() -> Iterator[Path]:
    """A folder that nobody may look into, with a file `there`, in one that everybody may."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "closed"
        folder.mkdir()
        (folder / "there").write_text("secret\n")
        Path(name).chmod(0o755)
        folder.chmod(0)
        try:
            yield folder
        finally:
            folder.chmod(0o700)
