"""Secrets are compared in constant time: never with == or !=, never by `in`."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path for folder in ("mrk/access", "nurseries/access") for path in (ROOT / folder).rglob("*.py")
)
SECRET = re.compile(r"(?i)(^|_)(token|password|key|secret|signature|digest|kid|api_?key|pin)s?$")
REFUSED = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)


def names(node: ast.expr) -> list[str]:
    """What an operand is called: variable, attribute, or the function that gives it."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return [name]
        case ast.Call(func=func):
            return names(func)
        case ast.Subscript(value=value, slice=index):
            return [*names(value), *names(index)]
        case ast.Constant(value=str(text)):
            return [text]
    return []


def comparisons(source: str) -> list[int]:
    """Lines in which something named like a secret is compared as anything else is."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(isinstance(op, REFUSED) for op in node.ops):
            called = [name for one in (node.left, *node.comparators) for name in names(one)]
            if any(SECRET.search(name) for name in called):
                found.append(node.lineno)
        if isinstance(node, ast.MatchValue) and any(SECRET.search(n) for n in names(node.value)):
            found.append(node.value.lineno)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_secrets_are_compared_in_constant_time(path: Path) -> None:
    lines = comparisons(path.read_text())
    assert not lines, f"{path}: use hmac.compare_digest in lines {lines}"


@pytest.mark.parametrize(
    "source",
    [
        "if token == wanted: pass",
        "ok = given != self._api_key",
        "x = user.password == stored",
        "x = digest_of(a) == b or key in keys",
        "x = row['password'] == b",
        "x = a == b.signature",
    ],
)
def test_what_the_check_finds(source: str) -> None:
    assert comparisons(source)


@pytest.mark.parametrize(
    "source",
    ["x = key is None", "x = compare_digest(token, b)", "x = len(token) > 4", "x = a == b"],
)
def test_what_it_lets_through(source: str) -> None:
    assert not comparisons(source)
