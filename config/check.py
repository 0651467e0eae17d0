"""`mrk check-config`: everything that is wrong with a configuration, one line each.

Reads the files as a start would, without starting anything and without the backup.
"""

from collections.abc import Callable
from pathlib import Path

from config.add_ons import AddOn
from config.config_errors import ConfigError
from config.load import find_file, try_file
from config.notices import Notice
from config.paths import Paths

WARNING_MARK = "warning: "
NOTE_MARK = "note: "


def check(
    file: Path | None,
    paths: Paths,
    check_add_on: Callable[[AddOn], list[Notice]] = lambda _add_on: [],
) -> list[str]:
    """All errors, then all warnings (`warning: `) and notes (`note: `).

    `file` None: that of the data folder. `check_add_on` says what is wrong with those of
    an add-on.
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
    notices = [*attempt.notices]
    if attempt.configuration is not None:
        for add_on in attempt.configuration.settings.add_ons:
            notices += check_add_on(add_on)
    warnings = [WARNING_MARK + notice.located.replace("\n", "\\n") for notice in notices]
    return [*errors, *warnings, *(NOTE_MARK + note for note in attempt.notes)]


def has_errors(lines: list[str]) -> bool:
    """True if any line of `check` is an error: the configuration would not start."""
    return any(not line.startswith((WARNING_MARK, NOTE_MARK)) for line in lines)
