"""Whether a file is not there, for options and places that may name one.

`Path.exists` raises where this user may not look, and `os.path.exists` says no: then whoever reads
the file is to say why it cannot.
"""

import os
from pathlib import Path


def is_absent(file: Path, *, follow_symlinks: bool = True) -> bool:
    """True only where nothing is there for certain; a link to nothing is, if links are followed."""
    try:
        os.stat(file, follow_symlinks=follow_symlinks)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
