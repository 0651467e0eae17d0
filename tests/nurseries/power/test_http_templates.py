"""`type: http`: what templates send, and what they see of the answer."""

import pytest
import trio

from config.secret import Secret
from config.settings.power_drivers import HttpTemplateSettings
from config.template import Templates
from mrk.power.states import PowerState
from nurseries.http_client.client import HttpClient
from nurseries.power.drivers.http_templates import HttpTemplates
from tests.fakes.http_device import open_http_device, reply

pytestmark = pytest.mark.e2e
OUTER_S = 20
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
LOGIN = "Basic dTpw"


async def sent(request, response="on", *, user=""):
    """The request of a template; its answer is `{"a": 1}`, in the header X-State it says ON."""
    compiled = Templates().compile_async
    async with open_http_device(lambda _asked: reply('{"a": 1}', X_State="ON")) as device:
        url = Secret(f"{device.base}/s")
        settings = HttpTemplateSettings(
            url,
            url,
            url,
            compiled(request),
            compiled(response),
            Secret(user),
            Secret("p" if user else ""),
            True,
        )
        with trio.fail_after(OUTER_S):
            assert await HttpTemplates(HttpClient(), settings).status() is PowerState.ON
        return device.asked[0]


SEND = "http_request.send(method='POST', body={'a': 1}, headers={'X-Key': 'k'})"
STEPS = """
{% do http_request.set_method('POST') %}
{% do http_request.set_body([1]) %}
{% do http_request.set_headers({'X-Key': 'k'}) %}
{% do http_request.send() %}"""


@pytest.mark.parametrize("request_template", [f"{{% do {SEND} %}}", STEPS])
async def test_headers_leave_the_type_of_a_body_and_the_log_in(request_template):
    asked = await sent(request_template, user="u")
    assert asked.headers["x-key"] == "k"
    assert asked.headers["content-type"] == JSON
    assert asked.headers["authorization"] == LOGIN


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        ("body={}, headers={'content-type': 'a/b'}", "content-type", "a/b"),
        ("headers={'authorization': 'Bearer t'}", "authorization", "Bearer t"),
        ("basic_auth_user='u', basic_auth_pass='p', headers={}", "authorization", LOGIN),
        ("method='POST', body='relay=on'", "content-type", FORM),
        ("method='PUT', body='relay=on'", "content-type", None),
        ("method='POST'", "content-length", "0"),
        ("method='POST'", "content-type", None),
        ("method='GET'", "content-length", None),
    ],
)
async def test_what_templates_say_and_what_is_said_without_them(arguments, name, value):
    asked = await sent(f"{{% do http_request.send({arguments}) %}}", user="x")
    assert asked.headers.get(name) == value


async def test_a_body_that_is_text_after_one_that_was_json():
    steps = "{% do http_request.set_body({}) %}{% do http_request.send(body='x') %}"
    assert "content-type" not in (await sent(steps)).headers


@pytest.mark.parametrize(
    "response",
    [
        "{http_request.last_response().headers['X-State']}",
        "{http_request.last_response().headers.get('x-state')}",
        "{'X-STATE' in http_request.last_response().headers}",
        "{http_request.last_response().headers.get('x', 'on')}",
    ],
)
async def test_headers_of_an_answer_in_any_case(response):
    await sent("{% do http_request.send() %}", response)
