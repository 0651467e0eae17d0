"""Endpoints, and routes that stream, are declared in one form, in files that are named for it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path for folder in ("nurseries", "transports") for path in (ROOT / folder).rglob("*.py")
)
DECLARES = {"get", "post", "delete", "Access"}


def declared(tree: ast.Module) -> Iterator[int]:
    """Lines that import what declares an endpoint, or make one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "mrk.api.endpoint":
            if DECLARES & {alias.name for alias in node.names}:
                yield node.lineno
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "Endpoint":
            yield node.lineno


def helpers(tree: ast.Module) -> Iterator[str]:
    """Functions of a module that make endpoints: another way to declare them."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and _unparsed(node.returns) == "Endpoint":
            yield node.name


def imported(tree: ast.Module, module: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == module:
            yield from (alias.name for alias in node.names)


def _unparsed(node: ast.expr | None) -> str:
    return "" if node is None else ast.unparse(node)


def is_for_endpoints(path: Path) -> bool:
    return path.name == "endpoints.py" or path.name.endswith("_endpoints.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_endpoints_have_files_of_their_own(path: Path) -> None:
    tree = ast.parse(path.read_text())
    if path.name == "declarations.py":
        assert set(imported(tree, "mrk.api.endpoint")) == {"Access"}
    elif not is_for_endpoints(path):
        assert list(declared(tree)) == []
    assert list(helpers(tree)) == []


def test_what_the_check_finds() -> None:
    source = "from mrk.api.endpoint import Endpoint, get\nx = Endpoint('/a')\n"
    assert list(declared(ast.parse(source))) == [1, 2]
    assert list(helpers(ast.parse("def _get(name: str) -> Endpoint: ..."))) == ["_get"]
