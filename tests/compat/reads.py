"""Every read endpoint of mrk's own document, asked without arguments."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.daemon import MRK, ROOT, DaemonFailed
from tests.compat.twin import Twin
from tests.documents import ends

# Klipper's endpoints take GET for commands, too.
_PRINTER = "/printer/"
_PRINTER_READS = frozenset(
    f"{_PRINTER}{name}"
    for name in ("info", "objects/list", "objects/query", "gcode/help", "query_endstops/status")
)


def read_paths(data: Path) -> list[str]:
    """Paths of all GETs that the daemon of this data folder answers; raises `DaemonFailed`."""
    done = subprocess.run(
        [*MRK.command, "-d", str(data), "api", "--openapi"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise DaemonFailed(f"mrk api: {done.stderr.decode(errors='replace')[-1000:]}")
    paths = json.loads(done.stdout)["paths"]
    asked = {
        path: frozenset(verb for verb, operation in verbs.items() if ends(operation))
        for path, verbs in paths.items()
    }
    return list(_reads(asked))


def _reads(paths: dict[str, frozenset[str]]) -> Iterator[str]:
    for path, verbs in sorted(paths.items()):
        command = path.startswith(_PRINTER) and path not in _PRINTER_READS
        if "get" in verbs and "{" not in path and not command:
            yield path


def ask_all(twin: Twin, paths: list[str]) -> None:
    """Ask for each of them, as a browser's address field would."""
    for path in paths:
        twin.ask("GET", path)
