"""How this mrk is called again, in texts that a person copies into a shell."""

import os
import shlex
import sys
from pathlib import Path

from config.paths import Paths


def own_command(paths: Paths) -> str:
    """The program as it was called, for the same data folder unless that is the usual one."""
    called = sys.argv[0]
    words = [called if Path(called).name == "mrk" else "mrk"]
    if paths.data != Paths.resolve(environ={"HOME": os.path.expanduser("~")}).data:
        words += ["-d", str(paths.data)]
    return shlex.join(words)
