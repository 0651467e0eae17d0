"""Reading of a whole `ConfigSource`: hands out sections, keeps count of what was read.

One `ConfigReader` per load. The settings families ask it for sections; it gathers their mistakes
and warnings, the values for `server.config`, and knows in the end what nobody read.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from config.config_errors import ConfigError
from config.notices import Failure, Notice, mistake_notices
from config.secret import HIDDEN
from config.secret_options import holds_secret
from config.section import Section
from config.source import DEFAULT, ConfigSource, Option
from config.template import Templates, is_reference
from mrk.definitions.url_logins import hide_logins

Found = TypeVar("Found")


class ConfigReader:
    """`problems` stop a start, `notices` do not; `values` is `server.config`'s `config`.

    `failures` are components that do not run. `notes` are for the log and for check-config, not
    for front ends.

    `secret_options` are the options, by section and name, that were read as secrets;
    `secrets_file` is where others of them lie, and `secrets_absent` that it does not exist.
    `moved` are options of `[server]` that belong to another section, by name.
    """

    def __init__(self, source: ConfigSource) -> None:
        self.templates = Templates()
        self.secrets_file: Path | None = None
        self.secrets_absent = False
        self.secret_options: set[tuple[str, str]] = set()
        self.problems: list[ConfigError] = []
        self.notices: list[Notice] = []
        self.failures: list[Failure] = []
        self.notes: list[str] = []
        self.values: dict[str, dict[str, object]] = {}
        self.moved: dict[str, str] = {}
        self.source = source
        self._read: dict[str, set[str]] = {}

    @property
    def warnings(self) -> list[str]:
        """The texts of all notices, as front ends see them."""
        return [notice.text for notice in self.notices]

    def has(self, name: str) -> bool:
        """True if the section is written in a file."""
        return name in self.source.sections

    def named(self, prefix: str) -> list[str]:
        """Names of the sections `[prefix <name>]`, in order; `[prefix]` itself is none."""
        if self.has(prefix) and not self.source.sections[prefix].options:
            self._read.setdefault(prefix, set())  # a bare one says nothing, and is no mistake
        return [name for name in self.source.sections if name.startswith(f"{prefix} ")]

    def section(self, name: str, moved_from: str | None = None) -> Section:
        """A section to read from, written or not.

        Options of a section that is wholly absent are still found in `moved_from`, their
        old home, with a warning.
        """
        self._read.setdefault(name, set())
        self.values.setdefault(name, {})
        return Section(name, self, None if self.has(name) else moved_from, moved_from is not None)

    def place(self, section: str, option: str | None = None) -> tuple[str | None, int | None]:
        """File and line of an option, else of its section's first header, for messages."""
        if section not in self.source.sections:
            return (self.source.files[0].shown if self.source.files else None), None
        written = None if option is None else self.source.options(section).get(option)
        where = self.source.sections[section] if written is None else written
        return where.file, where.line

    def take(self, section: str, option: str) -> Option | None:
        """The written option, marked as read; None if it is not written."""
        self._read.setdefault(section, set()).add(option)
        return self.source.options(section).get(option)

    def written(self, section: str, option: str) -> bool:
        """True if the option is written; does not mark it."""
        return option in self.source.options(section)

    def asked(self, section: str) -> set[str]:
        """Names of the options that somebody asked for, written or not."""
        return self._read.get(section, set())

    def prefixed(self, section: str, prefix: str) -> list[str]:
        """Names of the written options that begin so and go on, in order; does not mark them."""
        names = self.source.options(section)
        return [name for name in names if name.startswith(prefix) and name != prefix]

    def shown(self, section: str, option: Option) -> str:
        """An option as clients and messages may see it: of a secret, only a reference to it."""
        secret = (section, option.name) in self.secret_options or (
            section == DEFAULT and any(name == option.name for _, name in self.secret_options)
        )
        if not secret and not holds_secret(section, option.name):
            return hide_logins(option.value)
        return option.value if is_reference(option.value) else HIDDEN

    # Mistakes and what follows from them

    def warn(
        self, text: str, place: tuple[str | None, int | None] = (None, None), *, mild: bool = False
    ) -> None:
        """A warning about `place` (file and line), whose text names no line."""
        self.notices.append(Notice(text, *place, mild=mild))

    def fail(self, component: str, notice: Notice) -> None:
        """A component does not run, and `notice` says why."""
        self.notices.append(notice)
        if all(failure.component != component for failure in self.failures):
            self.failures.append(Failure(component, notice.text))

    def attempt(self, read: Callable[[], Found]) -> tuple[Found | None, list[ConfigError]]:
        """What `read` gives, and its mistakes, which then are none of the whole file's.

        None when it raised: then options that it did not reach are not called unknown.
        """
        before = len(self.problems)
        found = None
        try:
            found = read()
        except ConfigError as exc:
            self.problems.append(exc)
        mistakes = self.problems[before:]
        del self.problems[before:]
        if found is None:
            for section in {mistake.section for mistake in mistakes if mistake.section}:
                self._read.setdefault(section, set()).update(self.source.options(section))
        return found, mistakes

    def entries(self, prefix: str, read: Callable[[str], Found]) -> list[Found]:
        """What `read` gives for each section `[prefix <name>]`; one with a mistake is left out.

        The others are used, and a warning says what is wrong with it.
        """
        return self.entries_of(self.named(prefix), read)

    def entries_of(self, titles: Sequence[str], read: Callable[[str], Found]) -> list[Found]:
        """The same for some sections, by their titles."""
        found: list[Found] = []
        for title in titles:
            entry, mistakes = self.attempt(partial(read, title))
            if entry is not None and not mistakes:
                found.append(entry)
            self.notices += mistake_notices(
                mistakes, f"[{title}] is not used until that is mended."
            )
        return found

    def unread_sections(self) -> list[str]:
        """Sections that nobody asked for."""
        return [name for name in self.source.sections if name not in self._read and name != DEFAULT]

    def unread_options(self) -> list[tuple[str, Option]]:
        """Options that nobody took, of the sections that somebody asked for."""
        return [
            (name, option)
            for name in self.source.sections
            if name in self._read and name != DEFAULT
            for option in self.source.options(name).values()
            if option.name not in self._read[name]
        ]
