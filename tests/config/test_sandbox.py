"""Templates rendered at each use: the dialect, its limits, and what they may not do."""

import contextlib
import gc
import logging
import time
from pathlib import Path

import pytest
import trio

from config.template import Templates
from config.template_errors import SyntaxMistake, TemplateFailed

DATA = Path(__file__).parent / "data"
SECRETS = {
    "mqtt": {"password": "hunter2", "port": 1883},
    "type": {"values": "v", "get": "g", "secrets_file": "f"},
    "list": ["hunter3"],
}


@pytest.fixture
def render():
    templates = Templates(SECRETS)
    return lambda text, **context: templates.compile(text).render(**context)


@pytest.mark.parametrize("line", (DATA / "templates.txt").read_text().splitlines())
def test_the_dialect(render, line):
    text, result = (part.strip().replace("\\n", "\n") for part in line.split("=>"))
    assert render(text, payload='{"a": {"b": [1, 2]}}') == result


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{unknown.name}", "'unknown' is undefined"),
        ("{1 / 0}", "division by zero"),
        ("{'x'|fromjson}", "fromjson: Expecting value"),
        ("{raise_error('not here', 404)}", "not here"),
        ("{raise_error('with ' ~ secrets.mqtt.password)}", "^with <hidden>$"),
        ("{secrets.none.user}", "the secrets file has no secrets.none"),
        ("{[1][5].x}", "has no element 5"),
        ("{{}.x.y}", "has no attribute 'x'"),
        ("{{}['x'] + 1}", "has no attribute 'x'"),
        ("{[1, 2]|map('nothing')|list}", "No filter named 'nothing'"),
    ],
)
def test_failures(render, text, reason):
    with pytest.raises(TemplateFailed, match=reason) as failed:
        render(text)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a\n{% if %}", "line 2 of the template: Expected an expression"),
        ("{", "line 1 of the template: unexpected"),
        ("{% include 'x' %}", "cannot load another"),
        ("{% import 'x' as y %}", "cannot load another"),
        ("{% from 'x' import y %}", "cannot load another"),
        ("{% extends 'x' %}", "cannot load another"),
        ("{'x'|pprint}", "No filter named 'pprint'"),
        ("{" + "(" * 5000, "complicated|line 1"),
        ("{" + "(" * 300 + "1" + ")" * 300 + "}", "complicated"),
        ("{" + "9" * 5000 + "}", "complicated"),
        ("{1}" * 7000, "longer than"),
        ("{% for a in b %}" * 30 + "{% endfor %}" * 30, "complicated"),
    ],
)
def test_mistakes_of_syntax(text, reason):
    with pytest.raises(SyntaxMistake, match=reason):
        Templates().compile(text)


# Nothing of Python is within reach.
@pytest.mark.parametrize(
    "text",
    [
        "{''.__class__}{''.__class__.__mro__}",
        "{''|attr('__class__')|attr('__mro__')}",
        "{[].__class__.__base__.__subclasses__()}",
        "{raise_error.__globals__}",
        "{raise_error.__code__.co_consts}",
        "{secrets._values}{secrets._values.mqtt}",
        "{secrets.__init__}{secrets['__init__'].x}",
        "{range.__init__.__globals__}",
        "{namespace.__init__.__globals__}",
        "{cycler.__init__.__globals__.os}",
        "{'{0.__class__.__init__.__globals__}'.format(raise_error)}",
        "{'{a.__class__}'.format_map({'a': 1})}",
        "{'%s' % self.__init__.__globals__}",
        "{self._TemplateReference__context.parent}",
        "{lipsum.__globals__}",
        "{joiner|attr('__init__')|attr('__globals__')}",
        "{['']|map(attribute='__class__')|list|first}{[1]|map(attribute='__class__.__mro__')|list}",
        "{(1).__class__.__bases__}",
        "{loop.__class__}{self.__class__.x}",
        "{context.x}{environment.x}",
        "{log_debug.__self__.globals}",
        "{log_debug.__func__.__globals__}",
    ],
)
def test_the_sandbox_holds(render, text):
    try:
        result = render(text)
    except TemplateFailed:
        return
    assert "class" not in result
    assert "object at" not in result
    assert "function" not in result


def test_what_a_template_logs_shows_no_secret(render, caplog):
    caplog.set_level(logging.DEBUG)
    render("{log_debug('at ' ~ secrets.mqtt.password)}{log_debug('x' * 5000)}")
    assert caplog.messages[0] == "template: at <hidden>"
    assert len(caplog.messages[1]) < 400


def test_missed_names_do_not_pile_up():
    templates = Templates()
    template = templates.compile("{secrets.nothing}")
    for _ in range(1000):
        template.render()
    assert len(templates.take_missing()) < 100


async def test_calls_are_waited_for():
    async def call_method(method, **arguments):
        return {"method": method, **arguments}

    templates = Templates(SECRETS)
    text = """
        {% set a = call_method('printer.info', x=1) %}{a.method}{a.x}{call_method('b').method}
        {% do call_method('c') %}
    """
    template = templates.compile_async(text)
    assert await template.render(call_method=call_method) == "printer.info1b"
    assert await templates.compile_async(" plain ").render() == "plain"


@pytest.mark.parametrize("line", (DATA / "templates.txt").read_text().splitlines())
async def test_the_dialect_of_templates_that_wait(line):
    text, result = (part.strip().replace("\\n", "\n") for part in line.split("=>"))
    template = Templates(SECRETS).compile_async(text)
    assert await template.render(payload='{"a": {"b": [1, 2]}}') == result


@pytest.mark.parametrize(
    "text",
    [
        "{% for a, b in [(1, 2)] if b %}{fail()}{% endfor %}",
        "{% macro m() %}{% for i in [1] if i %}{fail()}{% endfor %}{% endmacro %}{m()}",
        "{% for i in [1] recursive %}{% for j in range(3) if wait() %}{i}{% endfor %}{% endfor %}",
        "{% block x %}{% for i in [1, 2] if i > 1 %}{wait()}{% endfor %}{% endblock %}",
    ],
)
async def test_nothing_is_left_behind_by_failure_and_cancellation(text, autojump_clock):
    """Python complains of what nobody closed, and the suite makes that an error."""

    async def wait():
        await trio.sleep_forever()

    async def fail():
        raise ValueError("no")

    template = Templates().compile_async(text)
    with trio.move_on_after(1), contextlib.suppress(TemplateFailed):
        await template.render(wait=wait, fail=fail)
        pytest.fail("it came to an end")
    gc.collect()


async def test_the_time_of_calls_does_not_count():
    async def busy():
        began = time.thread_time()
        while time.thread_time() < began + 0.03:
            pass

    template = Templates().compile_async("{busy()}{busy()}done")
    assert (await template.render(busy=busy)).endswith("done")
