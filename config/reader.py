"""Reading of a whole `ConfigSource`: hands out sections, keeps count of what was read.

One `ConfigReader` per load. The settings families ask it for sections; it gathers their mistakes
and warnings, the values for `server.config`, and knows in the end what nobody read.
"""

from pathlib import Path

from config import later
from config.config_errors import ConfigError
from config.secret import HIDDEN
from config.secret_options import holds_secret
from config.section import Section
from config.source import DEFAULT, ConfigSource, Option, RawSection
from config.template import Templates, is_reference


class ConfigReader:
    """`problems` stop a start, `warnings` do not; `values` is `server.config`'s `config`.

    `notes` are for the log and for check-config, not for front ends.

    `secret_options` are the options, by section and name, that were read as secrets;
    `secrets_file` is where others of them lie.
    """

    def __init__(self, source: ConfigSource) -> None:
        self.templates = Templates()
        self.secrets_file: Path | None = None
        self.secret_options: set[tuple[str, str]] = set()
        self.problems: list[ConfigError] = []
        self.warnings: list[str] = []
        self.notes: list[str] = []
        self.values: dict[str, dict[str, object]] = {}
        self._source = source
        self._read: dict[str, set[str]] = {}

    def has(self, name: str) -> bool:
        """True if the section is written in a file."""
        return name in self._source.sections

    def named(self, prefix: str) -> list[str]:
        """Names of the sections `[prefix <name>]`, in order; `[prefix]` itself is none."""
        return [name for name in self._source.sections if name.startswith(f"{prefix} ")]

    def section(self, name: str, moved_from: str | None = None) -> Section:
        """A section to read from, written or not.

        Options of a section that is wholly absent are still found in `moved_from`, their
        old home, with a warning.
        """
        self._read.setdefault(name, set())
        self.values.setdefault(name, {})
        return Section(name, self, None if self.has(name) else moved_from)

    def place(self, section: str) -> tuple[str | None, int | None]:
        """File and line of a section's first header, for messages."""
        if section in self._source.sections:
            raw = self._source.sections[section]
            return raw.file, raw.line
        return (self._source.files[0].shown if self._source.files else None), None

    def take(self, section: str, option: str) -> Option | None:
        """The written option, marked as read; None if it is not written."""
        self._read.setdefault(section, set()).add(option)
        return self._source.options(section).get(option)

    def written(self, section: str, option: str) -> bool:
        """True if the option is written; does not mark it."""
        return option in self._source.options(section)

    def prefixed(self, section: str, prefix: str) -> list[str]:
        """Names of the written options that begin so and go on, in order; does not mark them."""
        names = self._source.options(section)
        return [name for name in names if name.startswith(prefix) and name != prefix]

    def shown(self, section: str, option: Option) -> str:
        """An option as clients and messages may see it: of a secret, only a reference to it."""
        secret = (section, option.name) in self.secret_options or (
            section == DEFAULT and any(name == option.name for _, name in self.secret_options)
        )
        if not secret and not holds_secret(section, option.name):
            return option.value
        return option.value if is_reference(option.value) else HIDDEN

    def unread(self) -> tuple[list[str], list[str]]:
        """Warnings for what nobody read: what mrk will read later, and what is unknown."""
        known: list[str] = []
        unknown: list[str] = []
        for name, raw in self._source.sections.items():
            if name == DEFAULT:
                continue
            if name not in self._read:
                later_read = later.section_known(name)
                what = f"Unparsed config section [{name}] detected"
                (known if later_read else unknown).append(_told(what, raw, later_read))
                continue
            for option in self._unread_options(name):
                later_read = later.option_known(name, option.name)
                said = f"'{option.name}: {self.shown(name, option)}'"
                what = f"Unparsed config option {said} detected in section [{name}]"
                (known if later_read else unknown).append(_told(what, option, later_read))
        return known, unknown

    def _unread_options(self, section: str) -> list[Option]:
        options = self._source.options(section).values()
        return [option for option in options if option.name not in self._read[section]]


def _told(what: str, where: RawSection | Option, later_read: bool) -> str:
    place = where.file if where.line is None else f"{where.file}:{where.line}"
    advice = "mrk does not use it yet."
    if not later_read:
        advice = "Nothing reads it; check its spelling, or remove it."
    return f"{what} ({place}). {advice}"
