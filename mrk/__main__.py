"""Starts mrk: the daemon at once where only its own options are given, else the command line.

The only module of mrk/ that looks up.
"""

import os
import sys

from mrk.own_packages import use_own_packages

use_own_packages()

from config.config_errors import ConfigError  # noqa: E402
from config.daemon_options import read_plain  # noqa: E402
from config.paths import Paths  # noqa: E402


def main() -> None:
    """Ends the process."""
    _import_msgspec_alone()
    paths = _plain_paths()
    if paths is None:
        from nurseries.command_line.main import main as run_command

        run_command()
    else:
        from nurseries.root.daemon import run

        sys.exit(run(paths))


def _import_msgspec_alone() -> None:
    """msgspec takes typing_extensions, 0.5 MB, where it is; no Python of ours needs it."""
    missing = "typing_extensions" not in sys.modules
    if missing:
        sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    import msgspec  # noqa: F401

    if missing:
        del sys.modules["typing_extensions"]


def _plain_paths() -> Paths | None:
    """None: there is a command, an unusual way to write an option, or a fault to be told."""
    options = read_plain(sys.argv[1:])
    if options is None:
        return None
    try:
        return Paths.resolve(environ=os.environ, **options)  # type: ignore[arg-type]
    except ConfigError:
        return None


if __name__ == "__main__":
    main()
