"""The house's import rules, file sizes and the few patterns that are refused everywhere."""

import ast
import functools
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from mrk.own_packages import _OURS

ROOT = Path(__file__).parents[2]
PACKAGES = ("config", "mrk", "nurseries", "transports")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
# The assembly: the daemon's root, and the fixtures that start it for other suites.
KNOW_EVERYBODY = ("nurseries/root", "nurseries/command_line", "nurseries/testing", "mrk/__main__")
IO_MODULES = {
    "asyncio", "httpx", "hypercorn", "multiprocessing", "quart", "quart_trio", "select",
    "selectors", "shutil", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading",
    "time", "trio", "trio_websocket",
}  # fmt: skip
# Channels and orders that several subsystems share: no task, no I/O.
IO_ALLOWED = {
    "mrk/fanout.py": {"trio"},
    "mrk/clients/accepting.py": {"trio"},
    "mrk/clients/client_turns.py": {"trio"},
    "mrk/clients/turns.py": {"trio"},
    "mrk/klippy/macro_orders.py": {"trio"},
}
CATCH_ALL_ALLOWED = {
    "mrk/api/perform.py",  # one client's request
    "nurseries/klippy/linked.py",  # one macro's call of a remote method
    "nurseries/log/line_queue.py",  # one line of the log
    "nurseries/root/add_on.py",  # one callback of an add-on
    "nurseries/root/daemon.py",  # the end of the process, with a traceback and exit code 1
    "nurseries/supervise.py",  # one run of an optional part
    "transports/door/acceptor.py",  # one client's connection
    "transports/mqtt/audience.py",  # one listener's message
    "transports/sockets/client_connection.py",  # one client's connection
    "transports/sockets/kept_connection.py",  # the same, without a task
}
# Limits and roles, which settings and decisions share.
BELOW_CONFIG = "mrk.definitions"
TIMED_SCOPES = ("move_on_after", "move_on_at", "fail_after", "fail_at")
FILE_LINES = 400
FUNCTION_LINES = 60


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


class Facts(NamedTuple):
    """What the tests below ask of one file, which is parsed once for all of them."""

    imports: list[str]
    lines: int
    functions: list[tuple[str, int]]  # with their lengths
    docstring: str | None
    endless_shields: list[int]
    catch_alls: list[int]


@functools.cache
def facts_of(path: Path) -> Facts:
    text = path.read_text()
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    return Facts(
        list(imports(nodes, path)),
        len(text.splitlines()),
        [
            (node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
            for node in nodes
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ],
        ast.get_docstring(tree) if text.strip() else "empty",
        [node.lineno for node in shields(nodes) if not has_deadline(node)],
        [n.lineno for n in nodes if isinstance(n, ast.ExceptHandler) and catches_all(n)],
    )


def imports(nodes: list[ast.AST], path: Path) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: relative import"
            yield node.module or ""


def room(dotted_or_path: str) -> tuple[str, str]:
    """(`nurseries`, `klippy`) for anything in the folder nurseries/klippy."""
    parts = dotted_or_path.removesuffix(".py").replace("/", ".").split(".")
    return parts[0], parts[1] if len(parts) > 1 else "__init__"


def allowed(importer: str, imported: str) -> bool:
    package, sibling = room(importer)
    target, target_sibling = room(imported)
    if target not in PACKAGES or importer.startswith(KNOW_EVERYBODY):
        return True
    if package in ("nurseries", "transports") and target == package:
        return sibling == target_sibling
    if package == "config" and imported.startswith(BELOW_CONFIG):
        return True
    if importer.startswith(BELOW_CONFIG.replace(".", "/")):
        return imported.startswith(BELOW_CONFIG)
    return (
        target
        in {
            "config": {"config"},
            "mrk": {"mrk"},
            "nurseries": {"mrk", "config"},
            "transports": {"mrk", "config"},
        }[package]
    )


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_go_down(path: Path) -> None:
    wrong = [name for name in facts_of(path).imports if not allowed(name_of(path), name)]
    assert not wrong, f"{name_of(path)} must not import {wrong}"


@pytest.mark.parametrize("path", [p for p in FILES if name_of(p).startswith("mrk/")], ids=name_of)
def test_mrk_decides_and_does_no_io(path: Path) -> None:
    if name_of(path) == "mrk/__main__.py":
        return
    banned = IO_MODULES - IO_ALLOWED.get(name_of(path), set())
    wrong = [name for name in facts_of(path).imports if name.split(".")[0] in banned]
    assert not wrong, f"{name_of(path)} must not import {wrong}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_sizes(path: Path) -> None:
    facts = facts_of(path)
    assert facts.lines <= FILE_LINES, f"{name_of(path)} has {facts.lines} lines"
    for function, length in facts.functions:
        assert length <= FUNCTION_LINES, f"{name_of(path)}: {function} has {length} lines"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_module_says_what_it_owns(path: Path) -> None:
    assert facts_of(path).docstring, f"{name_of(path)} has no docstring"


def shields(nodes: list[ast.AST]) -> Iterator[ast.Call | ast.Assign]:
    """Where a scope is shielded; functions of ours that pass a flag on are not meant."""
    for node in nodes:
        if (
            isinstance(node, ast.Call)
            and name_of_call(node) in ("CancelScope", *TIMED_SCOPES)
            and any(k.arg == "shield" for k in node.keywords)
        ):
            yield node
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Attribute) and t.attr == "shield" for t in node.targets
        ):
            yield node


def name_of_call(node: ast.Call) -> str:
    return ast.unparse(node.func).split(".")[-1]


def has_deadline(node: ast.Call | ast.Assign) -> bool:
    if isinstance(node, ast.Assign):
        return False
    if name_of_call(node) in TIMED_SCOPES:
        return True
    return any(k.arg in ("deadline", "relative_deadline") for k in node.keywords)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_shield_has_a_deadline(path: Path) -> None:
    wrong = facts_of(path).endless_shields
    assert not wrong, f"{name_of(path)}: shields without a deadline in lines {wrong}"


def catches_all(handler: ast.ExceptHandler) -> bool:
    """Whether a handler swallows anything; what re-raises as its last word does not."""
    if isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None:
        return False
    if handler.type is None:
        return True
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(n, ast.Name) and n.id in ("Exception", "BaseException") for n in names)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_bugs_are_caught_in_few_places(path: Path) -> None:
    wrong = facts_of(path).catch_alls
    if name_of(path) not in CATCH_ALL_ALLOWED:
        assert not wrong, f"{name_of(path)} catches everything in lines {wrong}"


def test_no_exception_is_left_over() -> None:
    catching = {name_of(path) for path in FILES if facts_of(path).catch_alls}
    assert catching == CATCH_ALL_ALLOWED
    for name, allowed_modules in IO_ALLOWED.items():
        assert allowed_modules <= {
            module.split(".")[0] for module in facts_of(ROOT / name).imports
        }, name


def test_every_source_folder_is_a_package() -> None:
    folders = {path.parent for path in FILES}
    folders |= set(itertools.chain.from_iterable(p.relative_to(ROOT).parents for p in folders))
    missing = [f for f in folders if (ROOT / f) != ROOT and not (ROOT / f / "__init__.py").exists()]
    assert not missing


def test_the_files_that_prove_a_package_to_be_ours_are_there() -> None:
    """Without one of them no process of ours starts."""
    missing = [
        f"{name}/{file}" for name, file in _OURS.items() if not (ROOT / name / file).is_file()
    ]
    assert not missing
