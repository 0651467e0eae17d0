"""Starts mrk: the daemon at once where only its own options are given, else the command line.

The only module of mrk/ that looks up. What it needs is imported late, so that Ctrl-C is quiet then
too.
"""

import os
import sys
from typing import TYPE_CHECKING

from mrk.own_packages import use_own_packages


def _open_standard_files() -> None:
    """Give what was closed (`2>&-`) to nobody: a database would get its number, and messages."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number is free
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


_open_standard_files()
use_own_packages()

if sys.getfilesystemencoding() != "utf-8":
    # Files, names and messages are UTF-8; under another locale (de_DE.ISO-8859-1) they would be
    # read as something else. Only the interpreter's start can change that.
    os.environ["PYTHONUTF8"] = "1"
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])

from nurseries.process.module_bundle import use_bundle  # noqa: E402

use_bundle()

from nurseries.process.late_modules import load_late  # noqa: E402

load_late()

from nurseries.command_line.quiet_end import end_after  # noqa: E402

if TYPE_CHECKING:
    from config.paths import Paths


def main() -> None:
    """Ends the process."""
    end_after(_run)


def _run() -> None:
    _import_msgspec_alone()
    paths = _plain_paths()
    if paths is None:
        from nurseries.command_line.main import run_command

        run_command()
    else:
        import trio  # noqa: F401

        from nurseries.process.import_collections import none_collected

        with none_collected():
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


def _plain_paths() -> "Paths | None":
    """None: there is a command, an unusual way to write an option, or a fault to be told."""
    from config.config_errors import ConfigError
    from config.daemon_options import read_plain
    from config.moonraker_arguments import without_program
    from config.paths import Paths

    options = read_plain(without_program(sys.argv[1:]))
    if options is None:
        return None
    try:
        return Paths.resolve(environ=os.environ, **options)  # type: ignore[arg-type]
    except ConfigError:
        return None


if __name__ == "__main__":
    main()
