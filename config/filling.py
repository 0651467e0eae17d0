"""What an option's text names of the secrets file, put in before the text is converted.

Any option may say `{secrets.broker.port}`. Where a number, a word or a yes stands, the whole text
is a template, as none of them has a brace; in other texts only such names are replaced, since
braces mean other things too (in g-code, for one).
"""

import enum
from collections.abc import Mapping
from pathlib import Path

import msgspec

from config.source import Option
from config.template import REFERENCE, Templates, names_secret


class Given(enum.Enum):
    """What of an option's text is a template that is rendered before the text is converted."""

    AS_WRITTEN = enum.auto()  # nothing: the option itself is a template
    SECRETS = enum.auto()  # names of secrets
    WHOLE = enum.auto()


class Filling:
    """Renders for one section; `absent` says that there is no secrets `file`."""

    def __init__(self, templates: Templates, file: Path | None, *, absent: bool) -> None:
        self._templates = templates
        self._file = file
        self._absent = absent

    def render(self, text: str, context: Mapping[str, str] | None = None) -> tuple[str, list[str]]:
        """A template's text, and what is to be said of names that are not there.

        Raises ValueError with the reason.
        """
        try:
            rendered = self._templates.render(text, context)
        except ValueError as exc:
            missing = self._templates.take_missing()
            if missing and self._absent:
                raise ValueError(self._missing(missing[0])) from exc
            raise
        return rendered, [self._missing(name) for name in self._templates.take_missing()]

    def fill(self, option: Option, kind: Given) -> Option:
        """The option with values in place of names; itself if it names nothing.

        Raises ValueError for a name that is not there: a host or a number cannot be empty.
        """
        if kind is Given.AS_WRITTEN or "{" not in option.value:
            return option
        if kind is Given.WHOLE:
            return msgspec.structs.replace(option, value=self._filled(option.value))
        if not names_secret(option.value):
            return option
        items = None if option.items is None else tuple(map(self.with_secrets, option.items))
        return msgspec.structs.replace(option, value=self.with_secrets(option.value), items=items)

    def with_secrets(self, text: str) -> str:
        """A text with values in place of names; raises ValueError for one that is not there."""
        return REFERENCE.sub(lambda match: self._filled(match[0]), text)

    def _filled(self, text: str) -> str:
        filled, missing = self.render(text)
        if missing:
            raise ValueError(missing[0])
        return filled

    def _missing(self, name: str) -> str:
        if self._absent:
            return f"names {name}, but there is no secrets file {self._file}"
        return f"names {name}, which the secrets file does not have"
