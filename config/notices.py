"""What people are told about a configuration that is in force all the same.

A `Notice` has a text for front ends, which remember what was dismissed by its text and so must not
see line numbers move, and one for the log and check-config, which names the line. A `Failure` is a
component that does not run because of its section.
"""

from collections.abc import Sequence

import msgspec

from config.config_errors import ConfigError


class Notice(msgspec.Struct, frozen=True):
    """A warning. `mild` ones do not keep the file from becoming the backup."""

    text: str
    file: str | None = None
    line: int | None = None
    mild: bool = False

    @property
    def located(self) -> str:
        """The same with the place it is about, for the log and check-config."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        if place is None or self.text.startswith(f"{self.file}: "):
            return self.text.replace(f"{self.file}: ", f"{place}: ", 1) if place else self.text
        return f"{self.text} ({place})"


class Failure(msgspec.Struct, frozen=True):
    """A component, as `failed_components` names it, and why it does not run."""

    component: str
    reason: str


def mistake_notices(mistakes: Sequence[ConfigError], consequence: str) -> list[Notice]:
    """A warning for each mistake: what is wrong, and what follows from it."""
    return [
        Notice(f"{mistake.without_line()}. {consequence}", mistake.file, mistake.line)
        for problem in mistakes
        for mistake in problem.problems
    ]
