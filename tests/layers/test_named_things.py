"""What docstrings, comments and docs name is there: files of ours, and classes in the overviews."""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("config", "mrk", "nurseries", "transports")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TEXTS = [
    *SOURCES,
    *sorted(path for top in ("tests", "benchmarks") for path in (ROOT / top).rglob("*.py")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("*.md")),
]
# Everything of ours that a text may name by a part of its path.
FILES = {path.relative_to(ROOT).as_posix() for path in TEXTS}
# What an example has its reader write, and names that only look like ours.
EXAMPLES = {"config.json", "nozzle_hours.py", "mrk.toml", "mrk.components", "mrk.service"}
# Files of other projects, which their subjects' texts refer to.
FOREIGN = re.compile(r"^(klippy|src|h11|wsproto|trio|paho|scripts|lib|moonraker|python_can)/|\.\./")
FILE_NAME = re.compile(r"(?<![\w./{}<>-])((?:[\w-]+/)*[\w-]+\.py)\b")
MODULE_NAME = re.compile(r"`((?:config|mrk|nurseries|transports)(?:\.[a-z_]\w*)+(?:\.[A-Z]\w*)?)`")
CLASS_NAME = re.compile(r"`((?:[A-Z][a-z0-9]+){2,})(?:\.\w+)?`")
OVERVIEWS = ("docs/architecture.md", "docs/glossary.md")


def prose(path: Path) -> Iterator[str]:
    """A document's text; of source its docstrings and comments."""
    text = path.read_text()
    if path.suffix == ".md":
        yield text
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


PROSE = {path: list(prose(path)) for path in TEXTS}


def exists(name: str) -> bool:
    return any(file == name or file.endswith("/" + name) for file in FILES)


def missing(pattern: re.Pattern[str], known: Callable[[str], bool]) -> list[str]:
    """What texts name by that pattern and is not there, each with its text."""
    return [
        f"{path.relative_to(ROOT)}: {name}"
        for path in TEXTS
        for name in sorted({name for text in PROSE[path] for name in pattern.findall(text)})
        if name not in EXAMPLES and not known(name)
    ]


def test_named_files_exist() -> None:
    assert missing(FILE_NAME, lambda name: bool(FOREIGN.match(name)) or exists(name)) == []


def modules_and_names() -> dict[str, set[str]]:
    """Each module of ours by its dotted name, with what it mentions by name."""
    return {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."): set(
            re.findall(r"\w+", path.read_text())
        )
        for path in SOURCES
    }


MODULES = modules_and_names()


def is_reachable(dotted: str) -> bool:
    """Whether that is a module or a package of ours, or one and a name in it."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        module = ".".join(parts[:length])
        if module in MODULES:
            return set(parts[length:]) <= MODULES[module]
        if f"{module}.__init__" in MODULES:
            return length == len(parts)
    return False


def test_named_modules_exist() -> None:
    assert missing(MODULE_NAME, is_reachable) == []


def class_names() -> set[str]:
    trees = (ast.parse(path.read_text()) for path in SOURCES)
    return {
        name
        for tree in trees
        for node in ast.walk(tree)
        for name in (
            [node.name]
            if isinstance(node, ast.ClassDef)
            else [target.id for target in node.targets if isinstance(target, ast.Name)]
            if isinstance(node, ast.Assign)
            else []
        )
    }


def listed_folders() -> set[str]:
    """Those of the list in the architecture's document, each with the folder it stands under."""
    text = (ROOT / "docs/architecture.md").read_text()
    listed, top = set(), ""
    for line in text.partition("## Folders")[2].partition("\n## ")[0].splitlines():
        found = re.match(r"( {4}| {6})((?:[a-z]\w*/ ?)+)", line)
        if found and len(found[1]) == 4:
            top = found[2].strip()
        elif found:
            listed |= {top + name.rstrip("/") for name in found[2].split()}
    return listed


def test_the_architecture_lists_all_folders() -> None:
    there = {
        folder.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for folder in (ROOT / package).iterdir()
        if (folder / "__init__.py").is_file()
    }
    assert sorted(listed_folders() ^ there) == []


def test_what_is_implemented_exists() -> None:
    named = {
        name
        for path in SOURCES
        for text in PROSE[path]
        for name in re.findall(r"\b[Ii]mplements `([A-Z]\w+)", text)
    }
    assert len(named) > 20
    assert sorted(named - class_names()) == []


@pytest.mark.parametrize("document", OVERVIEWS)
def test_named_classes_exist(document: str) -> None:
    named = set(CLASS_NAME.findall((ROOT / document).read_text()))
    assert sorted(named - class_names()) == []
