"""Options that hold secrets, read from a section."""

import pytest

from config.config_errors import ConfigError
from config.dialect import parse
from config.reader import ConfigReader
from config.source import ConfigSource, RawSection
from config.template import Templates


def section(text):
    source = ConfigSource()
    for part in parse(f"[a]\n{text}", "moonraker.conf").parts:
        assert isinstance(part, RawSection)
        source.merge(part)
    book = ConfigReader(source)
    return book, book.section("a")


@pytest.mark.parametrize("text", ["hun{ter2", "hunter2{", "x{ter2.y}", "{1/0}ter2"])
def test_a_literal_with_a_brace_is_not_quoted(text):
    book, reading = section(f"x: {text}\n")
    assert reading.secret("x", None) is None
    (problem,) = book.problems
    assert "belongs in the secrets file" in str(problem)
    assert "ter2" not in str(problem)
    with pytest.raises(ConfigError) as failed:
        reading.secret("x")
    assert "ter2" not in str(failed.value.__cause__)


def test_a_template_says_what_is_wrong_with_it():
    book, reading = section("x: {secrets.group.name}\n")
    assert reading.secret("x", None) is None
    assert "the secrets file has no secrets.group" in str(book.problems[0])


async def test_templates_whose_calls_are_waited_for():
    async def call_method(method):
        return method

    _, reading = section("x: {call_method('a')}\n")
    assert await reading.async_template("x").render(call_method=call_method) == "a"
    assert reading.async_template("y", None) is None


def test_only_passwords_are_taken_out_of_logs():
    book, reading = section("username: printer\npassword: sesame\n")
    assert reading.secret("username").reveal() == "printer"
    assert reading.secret("password").reveal() == "sesame"
    assert book.templates.hidden.redact("printer sesame") == "printer <hidden>"
    assert book.values["a"] == {"username": "<hidden>", "password": "<hidden>"}


SECRETS = {"n": 5, "a": "A", "pair": "x\ny"}


def with_secrets(text):
    book, reading = section(text)
    book.templates = Templates(SECRETS)
    return book, reading


def test_a_number_may_be_any_template():
    book, reading = with_secrets("x: {secrets.n + 1}\ny: {'no' if secrets.n > 4}\nz: {0.5 * 3}\n")
    assert (reading.integer("x"), reading.boolean("y"), reading.number("z")) == (6, False, 1.5)
    assert book.problems == []
    assert book.values["a"] == {
        "x": "{secrets.n + 1}", "y": "{'no' if secrets.n > 4}", "z": "{0.5 * 3}",
    }  # fmt: skip


def test_in_a_text_only_names_of_secrets_are_replaced():
    book, reading = with_secrets("x: G1 X{secrets.a} {printer.y} {% z %}\ny: {printer.y}\n")
    assert reading.text("x") == "G1 XA {printer.y} {% z %}"
    assert reading.text("y") == "{printer.y}"
    assert book.problems == []


def test_a_secret_may_be_several_items_of_a_list():
    book, reading = with_secrets("x:\n  {secrets.a}/b\n  {secrets.pair}\n  c{d}\n")
    assert reading.items("x") == ["A/b", "x", "y", "c{d}"]
    assert book.values["a"]["x"].split() == ["{secrets.a}/b", "{secrets.pair}", "c{d}"]


def test_a_number_that_names_no_secret_is_told_with_the_name():
    book, reading = with_secrets("x: {secrets.nobody}\n")
    assert reading.integer("x", 3) == 3
    (problem,) = book.problems
    assert "names secrets.nobody, which the secrets file does not have" in str(problem)
