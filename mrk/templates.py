"""What subsystems see of templates that are rendered at each use (`render: event`)."""

from typing import Any, Protocol

from mrk.errors import MrkError


class TemplateFailed(MrkError):
    """A template raised an error, or took too long, or wrote too much; the text says which."""


class EventTemplate(Protocol):
    """A template compiled when the configuration was read."""

    def render(self, **context: Any) -> str:
        """The text, stripped. Raises `TemplateFailed`."""
