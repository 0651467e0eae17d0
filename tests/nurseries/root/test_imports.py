"""What a start does not load: memory and time of a board that Klipper wants for itself."""

import subprocess
import sys

# Of the worker that reads g-code, of commands, and of sections that are not configured.
_NOT_OF_A_START = (
    "mrk.gcode.text",
    "nurseries.database.importer",
    "apprise",
    "gpiod",
    "jinja2",
    "zeroconf",
    "nurseries.notifier",
    "nurseries.power",
)


def test_daemon_leaves_out_what_it_does_not_do_itself() -> None:
    code = (
        "import sys, nurseries.root.daemon\n"
        f"print([name for name in {_NOT_OF_A_START!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
