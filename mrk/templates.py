"""What subsystems see of templates that are rendered at each use (`render: event`).

`config.template` makes them, and names the error of one that fails: `TemplateFailed`. It lives
there because the configuration, which compiles templates, knows nobody else.
"""

from typing import Any, Protocol


class RenderedTemplate(Protocol):
    """A template compiled when the configuration was read."""

    def render(self, **context: Any) -> str:
        """The text, stripped. Raises `config.template_errors.TemplateFailed`."""
