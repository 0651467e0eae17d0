"""Templates of the configuration: rendered once while it is read, or at each use.

Jinja2 with `{% %}` for statements and single braces for expressions, sandboxed
(`sandbox.py`). Plain text, and text that only names known values (`{data_path}`), is answered
without importing Jinja2, which costs 2.4 MB and 30 ms at start.
"""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from config.secret import Hidden
from config.secret_groups import Readings, SecretGroup
from config.template_errors import TemplateFailed

_NAME = r"\{ *([a-z_]+) *\}"


class EventTemplate(Protocol):
    """A template compiled when the configuration was read, rendered at each use."""

    def render(self, **context: Any) -> str:
        """The text, stripped. Raises `TemplateFailed`."""


class AsyncTemplate(Protocol):
    """The same for templates whose calls are waited for."""

    async def render(self, **context: Any) -> str:
        """The text, stripped, once all calls have answered. Raises `TemplateFailed`.

        Only the template's own processor time is bounded: put a deadline around it.
        """


class _PlainText:
    """A template without a brace: the same text at each use."""

    def __init__(self, text: str) -> None:
        self._text = text

    def render(self, **_context: Any) -> str:
        return self._text


class _PlainAsyncText:
    """The same, to be awaited."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def render(self, **_context: Any) -> str:
        return self._text


class Templates:
    """Renders and compiles the templates of one reading of the configuration.

    Templates see the secrets file as `secrets`; what they read of it is hidden from then on.
    """

    def __init__(self, secrets: Mapping[str, object] | None = None) -> None:
        self._readings = Readings()
        self._secrets = SecretGroup(secrets or {}, self._readings)
        self._sandboxes: dict[bool, Any] = {}

    @property
    def hidden(self) -> Hidden:
        """The texts that no message may show."""
        return self._readings.hidden

    def take_missing(self) -> list[str]:
        """Names that templates sought in the secrets file, in vain, since the last call."""
        return self._readings.take_missing()

    def render(self, text: str, context: Mapping[str, str] | None = None) -> str:
        """The text with its expressions replaced, stripped; raises ValueError with the reason."""
        known = context or {}
        simple = re.sub(_NAME, lambda match: known.get(match[1], match[0]), text)
        if "{" not in re.sub(_NAME, lambda match: "" if match[1] in known else match[0], text):
            return simple.strip()
        template = self.compile(text)
        try:
            return template.render(**known)
        except TemplateFailed as exc:
            raise ValueError(f"the template fails: {exc}") from None

    def compile(self, text: str) -> EventTemplate:
        """A template to be rendered at each use; raises `SyntaxMistake`."""
        if "{" not in text:
            return _PlainText(text.strip())
        # Imported here: most configurations have no template.
        from config.sandbox import CompiledTemplate

        return CompiledTemplate(self._sandbox(enable_async=False), text)

    def compile_async(self, text: str) -> AsyncTemplate:
        """The same for a template whose calls are waited for."""
        if "{" not in text:
            return _PlainAsyncText(text.strip())
        from config.sandbox import CompiledAsyncTemplate

        return CompiledAsyncTemplate(self._sandbox(enable_async=True), text)

    def _sandbox(self, *, enable_async: bool) -> Any:
        """The environment of all templates of a kind: made once, 60 us each."""
        from config.sandbox import Sandbox

        if enable_async not in self._sandboxes:
            made = Sandbox(self._secrets, self.hidden, enable_async=enable_async)
            self._sandboxes[enable_async] = made
        return self._sandboxes[enable_async]


def is_reference(text: str) -> bool:
    """True for text that only names values of the secrets file, and so shows none."""
    return REFERENCE.fullmatch(text.strip()) is not None


# A name of the secrets file, as it stands in a text.
REFERENCE = re.compile(r"""\{\s*secrets(?:\.\w+|\[\s*(?:"\w+"|'\w+')\s*\])+\s*\}""")


def names_secret(text: str) -> bool:
    """True if a name of the secrets file stands in the text."""
    return REFERENCE.search(text) is not None
