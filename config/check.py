"""`mrk check-config`: everything that is wrong with a configuration, one line each.

Reads the files as a start would, without starting anything and without the backup.
"""

from pathlib import Path

from config.config_errors import ConfigError
from config.load import find_file, try_file
from config.paths import Paths

WARNING_MARK = "warning: "
NOTE_MARK = "note: "


def check(file: Path | None, paths: Paths) -> list[str]:
    """All errors, then all warnings (`warning: `) and notes (`note: `).

    `file` None: that of the data folder.
    """
    if file is None:
        try:
            file = find_file(paths)
        except ConfigError as exc:
            return str(exc).splitlines()
    else:
        file = file.absolute()
    attempt = try_file(file, paths)
    errors = [str(one) for problem in attempt.problems for one in problem.problems]
    warnings = [WARNING_MARK + notice.located.replace("\n", "\\n") for notice in attempt.notices]
    return [*errors, *warnings, *(NOTE_MARK + note for note in attempt.notes)]


def has_errors(lines: list[str]) -> bool:
    """True if any line of `check` is an error: the configuration would not start."""
    return any(not line.startswith((WARNING_MARK, NOTE_MARK)) for line in lines)
