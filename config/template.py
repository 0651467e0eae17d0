"""Templates that are rendered once, while the configuration is read.

Jinja2 with `{% %}` for statements and single braces for expressions, sandboxed. Plain text
and text that only names known values (`{data_path}`) is answered without importing
Jinja2, which costs 2.4 MB and 30 ms at start.
"""

import re
from collections.abc import Mapping

from config.errors import quoted

_NAME = re.compile(r"\{ *([a-z_]+) *\}")
# A template is a small program: besides Jinja2's own errors it meets Python's.
_PROGRAM_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


def render(text: str, context: Mapping[str, str]) -> str:
    """The text with its expressions replaced, stripped; raises ValueError with the reason."""
    simple = _NAME.sub(lambda match: context.get(match[1], match[0]), text)
    if "{" not in _NAME.sub(lambda match: "" if match[1] in context else match[0], text):
        return simple.strip()
    return _render_jinja(text, context)


def _render_jinja(text: str, context: Mapping[str, str]) -> str:
    from jinja2 import TemplateError
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(
        variable_start_string="{",
        variable_end_string="}",
        extensions=["jinja2.ext.do"],
    )
    environment.globals["raise_error"] = _raise_error
    try:
        return environment.from_string(text).render(context).strip()
    except (TemplateError, *_PROGRAM_ERRORS) as exc:
        raise ValueError(f"template {quoted(text)} fails: {exc}") from exc


def _raise_error(message: str, code: int = 400) -> None:
    raise ValueError(message)
