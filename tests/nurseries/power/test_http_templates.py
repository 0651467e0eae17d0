"""`type: http`: what templates send, and what they see of the answer."""

import contextlib

import pytest
import trio

from config.secret import Secret
from config.settings.power_drivers import HttpTemplateSettings
from config.template import Templates
from mrk.power.states import DriverFailed, PowerState
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


@contextlib.asynccontextmanager
async def driver(answer, *, request=None, response="on", path="/s"):
    """A driver whose three addresses are PATH/on, PATH/off and PATH/status of a device."""
    compiled = Templates().compile_async
    async with open_http_device(answer) as device:
        settings = HttpTemplateSettings(
            Secret(f"{device.base}{path}/on"),
            Secret(f"{device.base}{path}/off"),
            Secret(f"{device.base}{path}/status"),
            None if request is None else compiled(request),
            compiled(response),
            Secret("u"),
            Secret("p"),
            True,
        )
        with trio.fail_after(OUTER_S):
            yield HttpTemplates(HttpClient(), settings), device


async def test_without_a_template_each_address_is_fetched():
    async with driver(lambda _asked: reply("x"), response="{command.replace('status', 'off')}") as (
        switch,
        device,
    ):
        assert await switch.status() is PowerState.OFF
        assert await switch.switch(True) is PowerState.ON
        assert await switch.switch(False) is PowerState.OFF
    asked = [(one.verb, one.target, one.headers.get("authorization")) for one in device.asked]
    assert asked == [("GET", f"/s/{name}", LOGIN) for name in ("status", "on", "off")]


@pytest.mark.parametrize(
    ("steps", "verb", "target", "body"),
    [
        ("http_request.send()", "GET", "/s/on", b""),
        ("http_request.send(url=urls.off)", "GET", "/s/off", b""),
        ("http_request.send(url=urls['status'] ~ '?c=' ~ command)", "GET", "/s/status?c=on", b""),
        ("http_request.send(method='put', body='x')", "PUT", "/s/on", b"x"),
        ("http_request.send(method='PATCH', body='é'.encode())", "PATCH", "/s/on", "é".encode()),
        ("http_request.send(method='POST', body={'a': [none, 1.5]})", "POST", "/s/on",
         b'{"a":[null,1.5]}'),
        ("http_request.set_url(urls.off) %}{% do http_request.send()", "GET", "/s/off", b""),
        ("http_request.set_method('DELETE') %}{% do http_request.send()", "DELETE", "/s/on", b""),
        ("http_request.set_body('x') %}{% do http_request.send(body=none)", "GET", "/s/on", b""),
        ("http_request.set_method('POST') %}{% do http_request.set_body('x') %}"
         "{% do http_request.set_url(urls.off) %}{% do http_request.reset() %}"
         "{% do http_request.send()", "GET", "/s/on", b""),
    ],
)  # fmt: skip
async def test_what_a_template_sends(steps, verb, target, body):
    async with driver(lambda _asked: reply("x"), request=f"{{% do {steps} %}}") as (switch, device):
        assert await switch.switch(True) is PowerState.ON
    (asked,) = device.asked
    assert (asked.verb, asked.target, asked.body) == (verb, target, body)


async def test_reset_forgets_headers_and_log_in_of_the_template():
    steps = (
        "{% do http_request.add_header('x-key', 'k') %}"
        "{% do http_request.send(basic_auth_user='a', basic_auth_pass='b') %}"
        "{% do http_request.send() %}{% do http_request.reset() %}{% do http_request.send() %}"
    )
    async with driver(lambda _asked: reply("x"), request=steps) as (switch, device):
        await switch.status()
    assert [one.headers.get("x-key") for one in device.asked] == ["k", "k", None]
    logins = [one.headers["authorization"] for one in device.asked]
    assert logins == ["Basic YTpi", "Basic YTpi", LOGIN]


@pytest.mark.parametrize(
    "response",
    [
        "{'on' if http_request.last_response().json().relay else 'off'}",
        "{'on' if http_request.last_response().json()['relay'] is true}",
        "{'on' if '\"relay\": true' in http_request.last_response().text}",
        "{'on' if http_request.last_response().content.startswith('{'.encode())}",
        "{'on' if http_request.last_response().status_code == 203}",
        "{'off' if http_request.last_response().has_error() else 'on'}",
        "{% do http_request.last_response().raise_for_status() %}on",
        "{'on' if http_request.last_response().url == urls.status}",
        "{'on' if http_request.last_response().final_url == urls.status ~ '/now'}",
        "{'on' if command == 'status'}",
        "{% do async_sleep(0.001) %} ON\n",
    ],
)
async def test_what_a_template_sees_of_an_answer(response):
    def answer(asked):
        if asked.target == "/s/status":
            return reply("", 302, Location="/s/status/now")
        return reply('{"relay": true}', 203)

    async with driver(answer, response=response) as (switch, _device):
        assert await switch.status() is PowerState.ON


@pytest.mark.parametrize(
    ("request_template", "response", "reason"),
    [
        ("{% set x = 1 %}", "on", "Failed to receive a response"),
        ("{% do http_request.last_response() %}", "on", "nothing was sent"),
        ("{% do http_request.send(method='BREW') %}", "on", "'BREW' is not an HTTP method"),
        ("{% do http_request.send(url='ftp://x') %}", "on", "does not begin with http://"),
        ("{% do http_request.send(attempts='x') %}", "on", "its template fails"),
        ("{% do raise_error('the relay is away') %}", "on", "the relay is away"),
        ("{% do http_request.send().raise_for_status('it broke') %}", "on", "it broke"),
        ("{% do http_request.send().raise_for_status() %}", "on", "HTTP 400"),
        ("{% do http_request.send() %}", "on", "it answers HTTP 400 sorry"),
        ("{% do http_request.send(url=urls.off) %}", "dim", "'dim' \\(expected on or off\\)"),
        ("{% do http_request.send(url=urls.off) %}", "{x}", "'' \\(expected on or off\\)"),
        ("{% do http_request.send(url=urls.off) %}", "{http_request.last_response().json()}",
         "its answer is not JSON"),
    ],
)  # fmt: skip
async def test_what_a_template_does_wrong(request_template, response, reason):
    def answer(asked):
        return reply(
            "fine" if asked.target == "/s/off" else "sorry", 200 if "off" in asked.target else 400
        )

    async with driver(answer, request=request_template, response=response) as (switch, _device):
        with pytest.raises(DriverFailed, match=reason):
            await switch.switch(True)


@pytest.mark.parametrize(
    ("arguments", "tries"),
    [("", 3), ("attempts=2", 2), ("attempts=0", 1), ("attempts=99", 10), ("attempts=1", 1)],
)
async def test_attempts_of_a_device_that_breaks_off(arguments, tries):
    more = f"{arguments}, retry_pause_time=0" if arguments else "retry_pause_time=0"
    send = f"{{% do http_request.send({more}) %}}"
    async with driver(lambda _asked: b"", request=send) as (switch, device):
        with pytest.raises(DriverFailed):
            await switch.status()
    assert len(device.asked) == tries
