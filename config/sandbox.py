"""The Jinja2 environment of templates: dialect, globals, and what they may not do.

Loaded by `template.py` when a template has a brace. A template is written by the printer's
owner, but it is rendered in the event loop while a print runs: nothing in it may reach out of the
sandbox, and each of its steps is accounted for (`template_budget.py`, `template_steps.py`).
"""

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from jinja2 import TemplateError, TemplateSyntaxError, nodes, pass_context
from jinja2.environment import Template
from jinja2.runtime import Context, Macro
from jinja2.sandbox import SandboxedEnvironment, SandboxedFormatter

from config import template_steps
from config.secret import Hidden
from config.secret_groups import SecretGroup
from config.template_budget import (
    Budget,
    TooMuch,
    check_percent,
    check_power,
    check_product,
    check_text,
    check_widths,
    weigh,
)
from config.template_errors import SyntaxMistake, TemplateFailed

logger = logging.getLogger(__name__)

SOURCE_CHARS = 20_000
_TOLD_CHARS = 300
# No template can write this name, so none can reach its account.
_BUDGET = "\0budget"
# A template is a small program: besides Jinja2's own errors it meets Python's.
_PROGRAM_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    StopIteration,
    SyntaxError,
    TypeError,
    ValueError,
)
_FAILURES = (TemplateError, TemplateFailed, TooMuch, *_PROGRAM_ERRORS)


class Sandbox(SandboxedEnvironment):
    """One for all templates of a configuration; `enable_async` for those that wait for calls."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, secrets: SecretGroup, hidden: Hidden, *, enable_async: bool) -> None:
        super().__init__(
            variable_start_string="{",
            variable_end_string="}",
            extensions=["jinja2.ext.do"],
            # Folding constants would run parts of a template outside of any account.
            optimized=False,
            finalize=_write,
            enable_async=enable_async,
        )
        self.hidden = hidden
        self.filters = template_steps.filters(_step)
        self.tests = template_steps.tests(_step)
        known = {name: self.globals[name] for name in ("dict", "namespace", "cycler", "joiner")}
        self.globals = {
            **known,
            "range": template_steps.short_range,
            "secrets": secrets,
            "raise_error": _raise_error,
            "log_debug": self._log_debug,
        }

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        return template_steps.accounted(tree, is_async=self.is_async)

    def handle_exception(self, source: str | None = None) -> NoReturn:
        """Raise it as it is: Jinja2 would make a traceback of the template, 0.1 ms a frame."""
        raise

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Of the secrets file only what it holds: its names may be any."""
        if isinstance(obj, SecretGroup):
            return self.getitem(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """The same for `secrets["name"]`."""
        if not isinstance(obj, SecretGroup):
            return super().getitem(obj, argument)
        try:
            return obj[argument]
        except (KeyError, TypeError):
            hint = f"the secrets file has no {obj.path_of(argument)}"
            return self.undefined(hint=hint, obj=obj, name=argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operator that could make something large."""
        budget = _step(context, left, right)
        if operator == "*":
            check_product(left, right)
        elif operator == "**":
            check_power(left, right)
        elif operator == "%" and isinstance(left, str):
            check_percent(left, right)
        return budget.made(super().call_binop(context, operator, left, right))

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """`text.format`, with bounds."""
        wrapped = super().wrap_str_format(value)
        if wrapped is None:
            return None
        text, is_map = str(value.__self__), value.__name__ == "format_map"

        def bounded(*args: Any, **kwargs: Any) -> str:
            check_text(text.count("{") * sum(weigh(one) for one in (*args, *kwargs.values())))
            values, names = ((), args[0]) if is_map else (args, kwargs)
            return _Formatter(self).vformat(text, values, names)

        return bounded

    # Positional and oddly named: what a template calls may take an argument of any name.
    def call(self, __context: Context, __obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Any call of a function, a method or a macro."""
        budget = _step(__context, *args, *kwargs.values())
        args = template_steps.checked_arguments(__obj, args, kwargs)
        result = super().call(__context, __obj, *args, **kwargs)
        if not inspect.isawaitable(result):
            return budget.made(result)
        return result if isinstance(__obj, Macro) else _awaited(budget, result)

    def _log_debug(self, text: object) -> None:
        logger.debug("template: %s", self.hidden.redact(str(text)[:_TOLD_CHARS]))

    def told(self, error: Exception) -> str:
        """What to say of a failure: short, and without secrets."""
        reason = str(error)
        if isinstance(error, LookupError | SyntaxError | RecursionError) or not reason:
            reason = f"{type(error).__name__} {reason}"
        return self.hidden.redact(reason)[:_TOLD_CHARS]

    def compiled(self, text: str) -> Template:
        """Compile one template; raises `SyntaxMistake`."""
        if len(text) > SOURCE_CHARS:
            raise SyntaxMistake(f"is longer than {SOURCE_CHARS} characters", None)
        try:
            return self.from_string(text)
        except TemplateSyntaxError as exc:
            # Without the line, which its text has once more.
            raise SyntaxMistake(self.told(ValueError(exc.message)), exc.lineno) from None
        except _PROGRAM_ERRORS:
            raise SyntaxMistake("is too complicated", None) from None


class _Compiled:
    def __init__(self, sandbox: Sandbox, text: str) -> None:
        self._sandbox = sandbox
        self._template = sandbox.compiled(text)


class CompiledTemplate(_Compiled):
    """Implements `EventTemplate`."""

    def render(self, **context: Any) -> str:
        """The text, stripped. Raises `TemplateFailed`."""
        try:
            return self._template.render({**context, _BUDGET: Budget()}).strip()
        # Without the cause: Jinja2's traceback shows the template's lines.
        except _FAILURES as exc:
            raise TemplateFailed(self._sandbox.told(exc)) from None


class CompiledAsyncTemplate(_Compiled):
    """Implements `AsyncTemplate`."""

    async def render(self, **context: Any) -> str:
        """The text, stripped, once all calls have answered. Raises `TemplateFailed`."""
        try:
            text = await self._template.render_async({**context, _BUDGET: Budget()})
        except _FAILURES as exc:
            raise TemplateFailed(self._sandbox.told(exc)) from None
        return text.strip()


class _Formatter(SandboxedFormatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        check_widths(*(int(number) for number in template_steps.NUMBERS.findall(format_spec)))
        return str(super().format_field(value, format_spec))


def _step(context: Context, *used: Any) -> Budget:
    """Count a step that uses some values; raises `TooMuch`."""
    budget = context.parent[_BUDGET]
    assert isinstance(budget, Budget)
    budget.step(sum(map(weigh, used)))
    return budget


@pass_context
def _write(context: Context, value: Any) -> str:
    return _step(context).write(value)


async def _awaited(budget: Budget, pending: Awaitable[Any]) -> Any:
    """What a call of ours answers; the time until then is not the template's."""
    since = budget.now()
    try:
        result = await pending
    finally:
        budget.paused(since)
    return budget.made(result)


def _raise_error(message: object = "", code: object = None) -> None:
    raise TemplateFailed(str(message))
