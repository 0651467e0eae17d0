"""Where a template's steps are accounted for: loops, literals, filters, tests, method calls.

The syntax tree is changed so that each expression that could be slow or large goes through a
filter of ours; filters and tests of Jinja2 are wrapped, a few that cannot be bounded are left out.
"""

import copy
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jinja2.filters
import jinja2.tests
from jinja2 import TemplateSyntaxError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.utils import _PassArg
from jinja2.visitor import NodeTransformer

from config.template_budget import (
    TEXT_CHARS,
    Budget,
    check_items,
    check_percent,
    check_replace,
    check_text,
    check_widths,
    weigh,
)

NUMBERS = re.compile(r"\d+")
Step = Callable[..., Budget]

# Names that no template can write.
_USED = "\0used"
_LOOP = "\0loop"
_CONCAT = "\0concat"
# urlize, pprint, xmlattr, wordwrap: slow on long texts, and no printer needs them.
_OF_NUMBERS = ("float", "int", "round", "abs")
_LEFT_OUT = frozenset({"pprint", "urlize", "wordwrap", "xmlattr"})
_WIDTHS = frozenset({"batch", "center", "indent", "round", "slice", "tojson", "truncate"})
# 1 us for a character, or worse.
_SLOW = frozenset({"striptags", "title", "urlencode", "wordcount"})
_SLOW_CHARS = 10_000
_PADDING = frozenset({"center", "ljust", "rjust", "zfill"})


def short_range(*args: int) -> range:
    """`range` of a bounded number of items."""
    found = range(*args)
    check_items(len(found))
    return found


# The syntax tree


class _Accounting(NodeTransformer):
    """Puts our filters around what could be slow or large, and refuses other templates."""

    def __init__(self, *, is_async: bool) -> None:
        self._is_async = is_async
        self._loops = 0

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
        super().generic_visit(node, *args, **kwargs)
        match node:
            case nodes.Include() | nodes.Import() | nodes.FromImport() | nodes.Extends():
                raise TemplateSyntaxError("a template cannot load another one", node.lineno)
            case nodes.For():
                node.iter = _through(_LOOP, node.iter)
                if self._is_async and node.test is not None:
                    return self._chosen_first(node)
            case nodes.Output():
                # Fixed text counts as well: it may stand in a loop.
                node.nodes = [
                    nodes.Const(one.data, lineno=one.lineno)
                    if isinstance(one, nodes.TemplateData)
                    else one
                    for one in node.nodes
                ]
            case nodes.Concat():
                return _through(_CONCAT, nodes.List(node.nodes, lineno=node.lineno))
            case nodes.Compare():
                node.expr = _used(node.expr)
            case nodes.Operand() | nodes.Pair():
                _use_part(node, "expr" if isinstance(node, nodes.Operand) else "key")
            case nodes.Getitem(arg=nodes.Slice()):
                node.node = _used(node.node)
                return _through(_USED, node) if node.ctx == "load" else node
            case nodes.Getitem():
                node.arg = _used(node.arg)
        return node

    def _chosen_first(self, loop: nodes.For) -> list[nodes.Node]:
        """`for x in y if z` as two loops, the first of which collects.

        Jinja2 makes an asynchronous generator of the condition, which nobody closes when the body
        fails or is cancelled.
        """
        if loop.recursive or loop.test is None:
            raise TemplateSyntaxError("a recursive loop cannot have a condition", loop.lineno)
        self._loops += 1
        chosen, item = f"mrk_chosen_{self._loops}", f"mrk_item_{self._loops}"

        def load(name: str) -> nodes.Name:
            return nodes.Name(name, "load", lineno=loop.lineno)

        def store(name: str) -> nodes.Name:
            return nodes.Name(name, "store", lineno=loop.lineno)

        append = nodes.Getattr(load(chosen), "append", "load", lineno=loop.lineno)
        collect = nodes.ExprStmt(nodes.Call(append, [load(item)], [], None, None))
        body = [
            nodes.Assign(copy.deepcopy(loop.target), load(item)),
            nodes.If(loop.test, [collect], [], []),
        ]
        first = nodes.For(store(item), loop.iter, body, [], None, False, lineno=loop.lineno)
        loop.iter, loop.test = load(chosen), None
        return [nodes.Assign(store(chosen), nodes.List([])), first, loop]


def _use_part(node: nodes.Node, field: str) -> None:
    setattr(node, field, _used(getattr(node, field)))


def _used(expression: nodes.Expr) -> nodes.Expr:
    return expression if isinstance(expression, nodes.Const) else _through(_USED, expression)


def _through(name: str, expression: Any) -> Any:
    return nodes.Filter(expression, name, [], [], None, None, lineno=expression.lineno)


def accounted(tree: nodes.Template, *, is_async: bool) -> nodes.Template:
    """The tree with its steps accounted for; raises TemplateSyntaxError for what is not offered."""
    changed: nodes.Template = _Accounting(is_async=is_async).visit(tree)
    if tree.environment is not None:
        changed.set_environment(tree.environment)
    return changed


# Filters and tests


def filters(step: Step) -> dict[str, Any]:
    """The filters of templates; `step(context, *values)` counts one."""
    found: dict[str, Any] = {
        name: _wrapped(step, name, function)
        for name, function in jinja2.filters.FILTERS.items()
        if name not in _LEFT_OUT
    }
    found["fromjson"] = _wrapped(step, "fromjson", _fromjson)
    found["sum"] = _wrapped(step, "sum", _sum)
    for name in _OF_NUMBERS:
        found[name] = _wrapped(step, name, _keeping_null(name))

    @pass_context
    def used(context: Context, value: Any) -> Any:
        return step(context, value).made(value)

    @pass_context
    def loop(context: Context, value: Iterable[Any]) -> Iterator[Any]:
        budget = step(context)
        for item in value:
            budget.made(1)
            yield item

    @pass_context
    def concat(context: Context, values: list[Any]) -> str:
        budget = step(context, values)
        texts = [str(value) for value in values]
        check_text(sum(map(len, texts)))
        joined: str = budget.made("".join(texts))
        return joined

    return found | {_USED: used, _LOOP: loop, _CONCAT: concat}


def tests(step: Step) -> dict[str, Any]:
    """The tests of templates (`is ...`)."""
    return {name: _wrapped(step, name, test) for name, test in jinja2.tests.TESTS.items()}


def _wrapped(step: Step, name: str, function: Any) -> Callable[..., Any]:
    # Of filters with two faces the one for plain values: a call is awaited before.
    if getattr(function, "jinja_async_variant", False):
        function = function.__wrapped__
    wants = _PassArg.from_obj(function)

    @pass_context
    def counted(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        budget = step(context, value, *args, *kwargs.values())
        value = _checked(name, value, args, kwargs)
        match wants:
            case _PassArg.context:
                args = (context, value, *args)
            case _PassArg.eval_context:
                args = (context.eval_ctx, value, *args)
            case _PassArg.environment:
                args = (context.environment, value, *args)
            case _:
                args = (value, *args)
        return budget.made(function(*args, **kwargs))

    return counted


def _checked(name: str, value: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Before a filter: raises `TooMuch` for what would be too large; returns the value."""
    given = (*args, *kwargs.values())
    if name in _WIDTHS:
        check_widths(*given)
        if name == "indent":
            widest = max(
                (one if isinstance(one, int) else len(str(one)) for one in given), default=4
            )
            check_text(weigh(value) + str(value).count("\n") * widest + widest)
    elif name in _SLOW:
        if weigh(value) > _SLOW_CHARS:
            check_text(TEXT_CHARS + 1)
    elif name == "replace":
        old, new = (str(one) for one in (*given, "", "")[:2])
        check_replace(str(value), old, new)
    elif name == "format":
        check_percent(str(value), list(given))
    elif name == "join":
        value = list(value)
        check_text(weigh(value) + len(value) * sum(weigh(one) for one in given))
    return value


def _keeping_null(name: str) -> Callable[..., Any]:
    """A null stays one: Jinja2 makes 0 of it, which would be taken for a measurement.

    Not where the template says what it wants instead, `float(0)`.
    """
    function, has_default = jinja2.filters.FILTERS[name], name in ("float", "int")

    def kept(value: Any, *args: Any, **kwargs: Any) -> Any:
        if value is None and not (has_default and (args or kwargs)):
            return None
        return function(value, *args, **kwargs)

    return kept


def _fromjson(text: str) -> Any:
    # Imported here, where a template wants it.
    import json

    try:
        return json.loads(text)
    except (ValueError, TypeError) as exc:
        raise ValueError(f"fromjson: {exc}") from None


@jinja2.pass_environment
def _sum(environment: Any, values: Iterable[Any], attribute: Any = None, start: Any = 0) -> Any:
    """As Jinja2's, of numbers only: a sum of lists copies them again and again."""
    if not isinstance(start, int | float):
        raise TypeError("sum: the start must be a number")
    if attribute is not None:
        values = map(jinja2.filters.make_attrgetter(environment, attribute), values)
    return sum(values, start)


# Methods


def checked_arguments(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, ...]:
    """Before a call: raises `TooMuch` for what would be too large; returns the arguments."""
    owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
    given = (*args, *kwargs.values())
    if isinstance(owner, str | bytes):
        return _checked_text_method(owner, name, args, given)
    if isinstance(owner, int):
        check_widths(*given)
    elif isinstance(owner, list | dict | set):
        weigh(owner)
    return args


def _checked_text_method(
    owner: Any, name: str, args: tuple[Any, ...], given: tuple[Any, ...]
) -> tuple[Any, ...]:
    weigh(owner)
    if name in _PADDING:
        check_widths(*given)
    elif name == "expandtabs":
        check_widths(*given)
        check_text(len(owner) * max((one for one in given if isinstance(one, int)), default=8))
    elif name == "replace":
        if len(args) > 1 and isinstance(args[0], type(owner)) and isinstance(args[1], type(owner)):
            check_replace(owner, args[0], args[1])
    elif name == "join" and args:
        items = list(args[0])
        check_text(weigh(items) + len(items) * len(owner))
        return (items,)
    elif name == "translate":
        raise TypeError("translate is not offered in templates; use replace")
    return args
