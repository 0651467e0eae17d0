import json
import linecache
import logging
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.log.formatters import LIMIT_CHARS, JsonLines, TextLines, complete, settle


def record(message: object, *args: object, exc_info: Any = None) -> logging.LogRecord:
    made = logging.LogRecord("mrk.test", logging.INFO, "x.py", 1, message, args, exc_info)
    made.created = 1719000100.25
    return made


def failure() -> object:
    try:
        raise ExceptionGroup("two", [ValueError("inner cause")])
    except ExceptionGroup:
        return sys.exc_info()


def test_a_settled_record_no_longer_depends_on_its_arguments() -> None:
    seen = ["before"]
    settled = settle(record("%s", seen))
    seen[0] = "after"
    assert settled.getMessage() == "['before']"


def test_text_line() -> None:
    line = TextLines().format(settle(record("temperature %d", 5)))
    assert line.endswith(" INFO mrk.test: temperature 5")


def test_a_message_cannot_forge_a_line_or_steer_a_terminal() -> None:
    line = TextLines().format(settle(record("%s", "a\n2024-01-01 forged\r\x1b[2Jb\x85")))
    assert line.split("\n")[1] == "    2024-01-01 forged\\x0d\\x1b[2Jb\\x85"


def test_a_traceback_follows_in_both_shapes() -> None:
    settled = settle(record("crashed", exc_info=failure()))
    complete(settled)
    assert "inner cause" in TextLines().format(settled)
    line = json.loads(JsonLines().format(settled))
    assert line["message"] == "crashed"
    assert "inner cause" in line["exception"]


def test_a_traceback_is_that_of_python_and_read_by_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    error = failure()
    wanted = logging.Formatter().formatException(error)  # type: ignore[arg-type]
    assert 'raise ExceptionGroup("two"' in wanted
    linecache.clearcache()
    read: list[str] = []
    real = linecache.updatecache

    def update(filename: str, module_globals: Any = None) -> list[str]:
        read.append(filename)
        return real(filename, module_globals)

    monkeypatch.setattr(linecache, "updatecache", update)
    settled = settle(record("crashed", exc_info=error), lambda text: text.replace("two", "three"))
    assert not read
    complete(settled)
    assert __file__ in read
    assert settled.exc_text == wanted.replace("two", "three")
    complete(settled)  # once is enough
    assert settled.exc_text == wanted.replace("two", "three")


def test_json_line() -> None:
    assert json.loads(JsonLines().format(settle(record("a\nb")))) == {
        "time": "2024-06-21T20:01:40.250+00:00",
        "level": "INFO",
        "logger": "mrk.test",
        "message": "a\nb",
    }


def test_the_limit_itself_passes_and_one_more_is_cut() -> None:
    assert settle(record("%s", "x" * LIMIT_CHARS)).getMessage() == "x" * LIMIT_CHARS
    cut = settle(record("%s", "x" * (LIMIT_CHARS + 1))).getMessage()
    assert cut == "x" * LIMIT_CHARS + "... (1 more characters)"


@given(st.text(st.characters()))
def test_any_text_becomes_one_json_line_and_no_bare_record(text: str) -> None:
    settled = settle(record("%s", text))
    assert "\n" not in JsonLines().format(settled)
    continued = TextLines().format(settled).encode().split(b"\n")[1:]
    assert all(line.startswith(b"    ") for line in continued)


@given(st.text(st.characters(categories=["Cs", "Ll"])))
def test_lone_surrogates_can_be_written(text: str) -> None:
    TextLines().format(settle(record("%s", text))).encode()
