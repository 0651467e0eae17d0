"""One name for one thing, and no module that needs itself: over all of the source, read as text."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("config", "mrk", "nurseries", "transports")
# Public classes that may share a name, each with its reason.
SHARED_NAMES: dict[str, str] = {}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {
    module_name(path): ast.parse(path.read_text())
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}


def imported_modules(tree: ast.Module) -> Iterator[str]:
    """Modules of ours that a module imports, at any depth: TYPE_CHECKING blocks count."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in MODULES else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def reachable(start: str, edges: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for module in edges[waiting.pop()] - found:
            found.add(module)
            waiting.append(module)
    return found


def test_no_public_class_name_twice() -> None:
    places = defaultdict(list)
    for module, tree in MODULES.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(module)
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert {name: found for name, found in twice.items() if name not in SHARED_NAMES} == {}
    assert set(SHARED_NAMES) <= set(twice), "an exception that is none any more"


def test_no_import_cycle() -> None:
    edges = {
        module: {name for name in imported_modules(tree) if name in MODULES and name != module}
        for module, tree in MODULES.items()
    }
    assert [module for module in edges if module in reachable(module, edges)] == []
