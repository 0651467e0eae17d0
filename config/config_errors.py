"""Errors of the configuration: where the mistake stands and what is wrong with it.

Every reader of `config/` raises `ConfigError` and nothing else for a mistake of the user.
`ConfigErrors` gathers several, so that all can be shown at once.
"""

from collections.abc import Sequence

from mrk.definitions.url_logins import hide_logins

_QUOTED_LIMIT = 60


def quoted(text: str) -> str:
    """`text` in double quotes on one line, cut when long."""
    shown = hide_logins(text)
    line = "".join(char if char.isprintable() else repr(char)[1:-1] for char in shown)
    if len(line) > _QUOTED_LIMIT:
        line = line[: _QUOTED_LIMIT - 3] + "..."
    return f'"{line}"'


class ConfigError(Exception):
    """One mistake; `str()` is one line: `moonraker.conf:12: [server] port: reason`.

    `file` is the name shown to the user (relative to the main file's folder), `line`
    counts from 1; each of the four places may be unknown (None).
    """

    def __init__(
        self,
        reason: str,
        *,
        file: str | None = None,
        line: int | None = None,
        section: str | None = None,
        option: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.file = file
        self.line = line
        self.section = section
        self.option = option

    @property
    def problems(self) -> "tuple[ConfigError, ...]":
        """The single mistakes, in order of discovery; for one mistake, itself."""
        return (self,)

    def __str__(self) -> str:
        place = ""
        if self.file is not None:
            place = f"{self.file}:{self.line}: " if self.line is not None else f"{self.file}: "
        return self._told(place)

    def without_line(self) -> str:
        """The same for front ends, where a line number would make an old message a new one."""
        return self._told("" if self.file is None else f"{self.file}: ")

    def _told(self, place: str) -> str:
        if self.section is not None:
            place += f"[{self.section}] "
        if self.option is not None:
            place += f"{self.option}: "
        return " ".join((place + self.reason).splitlines())


class ConfigErrors(ConfigError):
    """Several mistakes at once; `str()` has one line for each."""

    def __init__(self, problems: Sequence[ConfigError]) -> None:
        first = problems[0]
        super().__init__(
            first.reason,
            file=first.file,
            line=first.line,
            section=first.section,
            option=first.option,
        )
        self._problems = tuple(one for problem in problems for one in problem.problems)

    @property
    def problems(self) -> tuple[ConfigError, ...]:
        return self._problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self._problems)
