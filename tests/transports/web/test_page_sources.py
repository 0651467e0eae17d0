"""What the page's templates and scripts are made of: their texts, their size, how they escape."""

import fnmatch
import re
import tomllib
from pathlib import Path

import pytest

import transports.web
from mrk.web.texts import TEXTS

FOLDER = Path(transports.web.__file__).parent
ROOT = Path(__file__).parents[3]
SCRIPTS = sorted((FOLDER / "static").glob("*.js"))
TEMPLATES = sorted((FOLDER / "templates").glob("*.html"))
# Words in states and levels of the API, looked up by what it says.
LOOKED_UP = {"state", "nav"}
_USED = re.compile(r"\b[tT]\.(\w+)(?:\.(\w+)|\[\"(\w+)\"\])?")
_MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|Function\(")


def used() -> set[tuple[str, str]]:
    found = set()
    for path in (*SCRIPTS, *TEMPLATES):
        for match in _USED.finditer(path.read_text()):
            subject, word = match[1], match[2] or match[3]
            if subject in TEXTS and word:
                found.add((subject, word))
    return found


def test_every_text_that_is_used_is_there() -> None:
    missing = {f"{s}.{w}" for s, w in used() if w not in TEXTS[s]}
    assert missing == set()


def test_every_text_that_is_there_is_used() -> None:
    everything = "".join(path.read_text() for path in (*SCRIPTS, *TEMPLATES))
    known = used()
    idle = {
        f"{subject}.{word}"
        for subject, words in TEXTS.items()
        if subject not in LOOKED_UP
        for word in words
        if (subject, word) not in known and f'"{word}"' not in everything
    }
    # Looked up by a word of the API: kinds of findings, roles.
    assert {name for name in idle if not name.startswith(("config.kind_",))} == set()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_nothing_from_outside_becomes_markup(path: Path) -> None:
    assert _MARKUP.findall(path.read_text()) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_escape_and_have_no_handlers(path: Path) -> None:
    text = path.read_text()
    # The style is a file of ours, and the texts become JSON.
    assert set(re.findall(r"\|\s*(safe|tojson)", text)) <= {"safe", "tojson"}
    assert text.count("|safe") == (1 if path.name == "page.html" else 0)
    assert re.findall(r"\son\w+=|\sstyle=|javascript:", text) == []


def test_all_of_it_is_below_100_kb() -> None:
    sizes = [path.stat().st_size for path in (*SCRIPTS, *TEMPLATES, FOLDER / "static/page.css")]
    texts = sum(
        len(word) + len(text) + 6 for words in TEXTS.values() for word, text in words.items()
    )
    assert sum(sizes) + texts < 100_000


def test_the_package_takes_all_of_it_along() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    globs = project["tool"]["setuptools"]["package-data"]["*"]
    for path in (*(FOLDER / "static").iterdir(), *(FOLDER / "templates").iterdir()):
        relative = path.relative_to(FOLDER).as_posix()
        assert any(fnmatch.fnmatch(path.name, glob) for glob in globs), relative
