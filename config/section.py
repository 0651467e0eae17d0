"""Typed reading of one section, on behalf of a settings family.

Each method reads one option: the written text converted and checked, or the default as it
is. A bad value is noted as a problem and the default returned, so that one run shows all
mistakes; only a required option that is missing or bad ends the family's reading at once.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol, TypeVar

from config import values
from config.config_errors import ConfigError, quoted
from config.filling import Filling, Given
from config.secret import Secret
from config.secret_options import is_password
from config.source import Option
from config.template import AsyncTemplate, EventTemplate, Templates, names_secret
from config.values import ANY, Bounds


class Required:
    """Stands for the default of an option that must be written, such as `example`."""

    def __init__(self, example: str = "...") -> None:
        self.example = example


REQUIRED: Final = Required()

_BRACE: Final = (
    "the text between braces is not a template that works; "
    "a password with a brace in it belongs in the secrets file"
)


Default = TypeVar("Default")
Value = TypeVar("Value")


class ReadOptions(Protocol):
    """Where a section finds its options and keeps account of its reading (the `ConfigReader`)."""

    problems: list[ConfigError]
    values: dict[str, dict[str, object]]
    templates: Templates
    secrets_file: Path | None
    secrets_absent: bool
    secret_options: set[tuple[str, str]]
    moved: dict[str, str]

    def warn(
        self, text: str, place: tuple[str | None, int | None] = ..., *, mild: bool = ...
    ) -> None: ...
    def place(self, section: str, option: str | None = None) -> tuple[str | None, int | None]: ...
    def take(self, section: str, option: str) -> Option | None: ...
    def written(self, section: str, option: str) -> bool: ...
    def shown(self, section: str, option: Option) -> str: ...


class Section:
    """One section; `moved_from` names the section where its options stand in an old file.

    `has_moved`: they stood in `[server]` once. Any option may name values of the secrets file,
    as in `port: {secrets.broker.port}`.
    """

    def __init__(
        self, name: str, book: ReadOptions, moved_from: str | None = None, has_moved: bool = False
    ) -> None:
        self.name = name
        self._book = book
        self._moved_from = moved_from
        self._has_moved = has_moved

    def text(self, name: str, default: Default | Required = REQUIRED) -> str | Default:
        return self._read(name, default, lambda option: option.value.strip())

    def boolean(self, name: str, default: Default | Required = REQUIRED) -> bool | Default:
        return self._read(
            name, default, lambda option: values.boolean(option.value), templates=Given.WHOLE
        )

    def integer(
        self, name: str, default: Default | Required = REQUIRED, bounds: Bounds = ANY
    ) -> int | Default:
        def convert(option: Option) -> int:
            try:
                return values.integer(option.value, bounds)
            except values.OutOfRange as exc:
                return int(self._nearest(name, exc))

        return self._read(name, default, convert, templates=Given.WHOLE)

    def number(
        self, name: str, default: Default | Required = REQUIRED, bounds: Bounds = ANY
    ) -> float | Default:
        def convert(option: Option) -> float:
            try:
                return values.number(option.value, bounds)
            except values.OutOfRange as exc:
                return self._nearest(name, exc)

        return self._read(name, default, convert, templates=Given.WHOLE)

    def _nearest(self, name: str, error: values.OutOfRange) -> float:
        """The bound that counts instead, with a warning; raises `error` where there is none."""
        if error.nearest is None:
            raise error
        self.warn(name, f"{error}; {error.nearest:g} is used")
        return error.nearest

    def items(
        self,
        name: str,
        default: Default | Required = REQUIRED,
        separator: str | None = "\n",
        count: int | None = None,
    ) -> list[str] | Default:
        """A list; `separator` None means white space, `count` the exact number of items."""

        def convert(option: Option) -> list[str]:
            found = _items(option, separator)
            if count is not None and len(found) != count:
                reason = f"{quoted(option.value)} has {len(found)} items (expected {count})"
                raise ValueError(reason)
            return found

        return self._read(name, default, convert)

    def entries(self, name: str, default: Default | Required = REQUIRED) -> list[str] | Default:
        """A list whose reader leaves out bad items with a warning, one a line.

        One that names a secret that is not there is left out here, and costs nothing else.
        """

        def convert(option: Option) -> list[str]:
            found: list[str] = []
            for item in _items(option, "\n"):
                try:
                    found += values.split_items(self._filling().with_secrets(item))
                except ValueError as exc:
                    self.warn(name, f"has a bad entry, skipped: {quoted(item)} {exc}")
            return found

        named = self._peek(name)
        return self._read(
            name,
            default,
            convert,
            as_written=named is not None and names_secret(named.value),
            templates=Given.AS_WRITTEN,
        )

    def mapping(
        self, name: str, default: Default | Required = REQUIRED, bare_keys: bool = False
    ) -> dict[str, str | None] | Default:
        """A dict of `key=value` lines; with `bare_keys` a line without `=` gives None."""
        return self._read(
            name,
            default,
            lambda option: values.split_mapping(_items(option, "\n"), bare_keys),
        )

    def choice(
        self,
        name: str,
        choices: Sequence[str],
        default: Default | Required = REQUIRED,
        ignore_case: bool = False,
    ) -> str | Default:
        return self._read(
            name,
            default,
            lambda option: values.choice(option.value.strip(), choices, ignore_case),
            templates=Given.WHOLE,
        )

    def path(
        self,
        name: str,
        default: Default | Required = REQUIRED,
        context: Mapping[str, str] | None = None,
        tells_move: bool = True,
    ) -> Path | Default:
        """A path with `~` expanded; with a `context` it is a template, rendered first.

        One that is left empty counts as not written.
        Without `tells_move` nothing is said of an option that stands in an old home.
        """

        def convert(option: Option) -> Path:
            text = option.value.strip()
            return checked_path(text if context is None else self._rendered(option, context))

        kind = Given.SECRETS if context is None else Given.AS_WRITTEN
        return self._read(
            name, default, convert, templates=kind, tells_move=tells_move, empty_counts=False
        )

    def template(
        self,
        name: str,
        default: Default | Required = REQUIRED,
        context: Mapping[str, str] | None = None,
    ) -> str | Default:
        """A template rendered now; for what may be shown."""
        return self._read(
            name,
            default,
            lambda option: self._rendered(option, context),
            as_written=True,
            templates=Given.AS_WRITTEN,
        )

    def secret(self, name: str, default: Default | Required = REQUIRED) -> Secret | Default:
        """A template rendered now whose text must not be shown anywhere."""
        self._book.secret_options.add((self._home(name), name))

        def convert(option: Option) -> Secret:
            try:
                text = self._rendered(option)
            except ValueError:
                # Of a password with a brace in it, the reason would tell a part.
                if "secrets" in option.value:
                    raise
                raise ValueError(_BRACE) from None
            # A user's name may be a word of every other log line ("printer").
            if is_password(name):
                self._book.templates.hidden.add(text)
            return Secret(text)

        return self._read(name, default, convert, as_written=True, templates=Given.AS_WRITTEN)

    def found_secret(self, text: str) -> Secret:
        """A secret that an option named in another way: a file that holds it."""
        self._book.templates.hidden.add(text)
        return Secret(text)

    def event_template(
        self, name: str, default: Default | Required = REQUIRED
    ) -> EventTemplate | Default:
        """A template to be rendered at each use, compiled now."""
        return self._read(
            name,
            default,
            lambda option: self._book.templates.compile(option.value),
            as_written=True,
            templates=Given.AS_WRITTEN,
        )

    def async_template(
        self, name: str, default: Default | Required = REQUIRED
    ) -> AsyncTemplate | Default:
        """The same, for a template whose calls are waited for."""
        return self._read(
            name,
            default,
            lambda option: self._book.templates.compile_async(option.value),
            as_written=True,
            templates=Given.AS_WRITTEN,
        )

    def _rendered(self, option: Option, context: Mapping[str, str] | None = None) -> str:
        text, missing = self._filling().render(option.value, context)
        for said in missing:
            self.warn(option.name, said)
        return text

    def _filling(self) -> Filling:
        book = self._book
        return Filling(book.templates, book.secrets_file, absent=book.secrets_absent)

    def custom(
        self, name: str, default: Default | Required, convert: Callable[[str], Value]
    ) -> Value | Default:
        """A value of the family's own kind; `convert` raises ValueError with the reason.

        One that is left empty counts as not written.
        """
        return self._read(
            name,
            default,
            lambda option: convert(option.value.strip()),
            as_written=True,
            empty_counts=False,
        )

    def deprecated(self, name: str, advice: str) -> bool:
        """Take a deprecated option's text aside with a warning; True if it is written."""
        written = self.written(name)
        if written:
            self.warn(name, f"is deprecated. {advice}", mild=True)
        return written

    def ignored(self, name: str, advice: str) -> None:
        """A deprecated option without any effect: a warning, and it counts as read."""
        if self.deprecated(name, advice):
            self.text(name, "")

    def filled(self, name: str) -> bool:
        """True if the option is written and not left empty; a read, whoever uses it."""
        option = self._peek(name)
        return option is not None and bool(option.value.strip())

    def written(self, name: str) -> bool:
        """True if the option stands in this section (or in its old home); no read."""
        self._note_move(name)
        return self._book.written(self._home(name), name)

    def warn(self, option: str, text: str, *, mild: bool = False) -> None:
        """A warning about one option; a mild one leaves the file good enough as a backup."""
        said = self._book.templates.hidden.redact(text)
        home = self._home(option)
        place = self._book.place(home, option)
        self._book.warn(f"[{home}]: option '{option}' {said}", place, mild=mild)

    def problem(self, option: str, reason: str) -> None:
        """A mistake found by comparing options: the start fails."""
        self._book.problems.append(self._error(option, self._peek(option), reason))

    def _note_move(self, option: str) -> None:
        if self._has_moved:
            self._book.moved[option] = self.name

    def _home(self, option: str) -> str:
        old = self._moved_from
        return old if old is not None and self._book.written(old, option) else self.name

    def _peek(self, option: str) -> Option | None:
        return self._book.take(self._home(option), option)

    def _read(
        self,
        name: str,
        default: Default | Required,
        convert: Callable[[Option], Value],
        as_written: bool = False,
        templates: Given = Given.SECRETS,
        tells_move: bool = True,
        empty_counts: bool = True,
    ) -> Value | Default:
        home = self._home(name)
        option = self._book.take(home, name)
        self._note_move(name)
        if option is None or not (empty_counts or option.value.strip()):
            if isinstance(default, Required):
                said = f'this option is required (write for example "{name}: {default.example}")'
                raise self._error(name, None, said)
            # A default is written in this source, and no secret.
            self._record(home, name, default.reveal() if isinstance(default, Secret) else default)
            return default
        if home != self.name and tells_move:
            self.warn(name, f"has moved to section [{self.name}]; please write it there", mild=True)
        try:
            given = self._filling().fill(option, templates)
            value = convert(given)
        except ValueError as exc:
            problem = self._error(name, option, str(exc))
            if isinstance(default, Required):
                raise problem from exc
            self._book.problems.append(problem)
            return default
        as_written = as_written or given is not option
        self._record(home, name, self._book.shown(home, option) if as_written else value)
        return value

    def _record(self, home: str, name: str, value: object) -> None:
        # A path may have been made by a template from a secret.
        hidden = self._book.templates.hidden
        shown = hidden.redact(str(value)) if isinstance(value, Path) else value
        self._book.values.setdefault(home, {})[name] = shown

    def _error(self, name: str, option: Option | None, reason: str) -> ConfigError:
        file, line = self._book.place(self.name)
        if option is not None:
            file, line = option.file, option.line
        section = self._home(name)
        reason = self._book.templates.hidden.redact(reason)
        return ConfigError(reason, file=file, line=line, section=section, option=name)


def checked_path(text: str) -> Path:
    """A path with `~` expanded; raises ValueError for text that cannot name a file."""
    if not text or "\0" in text or "\n" in text:
        raise ValueError(f"{quoted(text)} is not a path")
    try:
        return Path(text).expanduser()
    except RuntimeError as exc:
        raise ValueError(f"{quoted(text)}: {exc}") from exc


def _items(option: Option, separator: str | None) -> list[str]:
    if option.items is not None:
        return [item for one in option.items if (item := one.strip())]
    return values.split_items(option.value, separator)
