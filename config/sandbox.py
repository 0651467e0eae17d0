"""The Jinja2 environment of templates: dialect, globals, and what they may not do.

Loaded by `template.py` when a template has a brace. A template is written by the printer's
owner, but it is rendered in the event loop while a print runs.
"""

import json
import logging
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError
from jinja2.environment import Template
from jinja2.sandbox import SandboxedEnvironment

from config.secret_groups import SecretGroup
from config.template import TemplateFailed

logger = logging.getLogger(__name__)

# A template is a small program: besides Jinja2's own errors it meets Python's.
PROGRAM_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


class CompiledTemplate:
    """Implements `EventTemplate`."""

    def __init__(self, template: Template) -> None:
        self._template = template

    def render(self, **context: Any) -> str:
        """The text, stripped. Raises `TemplateFailed`."""
        try:
            return self._template.render(context).strip()
        # Without the cause: Jinja2's traceback shows the template's lines.
        except (TemplateError, *PROGRAM_ERRORS) as exc:
            raise TemplateFailed(str(exc)) from None


def compile_template(text: str, secrets: SecretGroup) -> CompiledTemplate:
    """Compile one template; raises ValueError with the reason."""
    environment = SandboxedEnvironment(
        variable_start_string="{",
        variable_end_string="}",
        extensions=["jinja2.ext.do"],
    )
    environment.filters["fromjson"] = _fromjson
    environment.globals |= {
        "secrets": secrets,
        "raise_error": _raise_error,
        "log_debug": _log_debug,
    }
    try:
        return CompiledTemplate(environment.from_string(text))
    except TemplateSyntaxError as exc:
        raise ValueError(f"line {exc.lineno} of the template: {exc.message}") from None


def _fromjson(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, TypeError) as exc:
        raise TemplateFailed(f"fromjson: {exc}") from None


def _raise_error(message: str, code: int = 400) -> None:
    raise TemplateFailed(str(message))


def _log_debug(text: str) -> None:
    logger.debug("template: %s", text)
