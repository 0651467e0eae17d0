"""Templates that call the API."""

import msgspec
import pytest
import trio

from config.template import Templates
from config.template_errors import TemplateFailed
from mrk.api.caller import INTERNAL_CALLER, SOCKETS
from mrk.api.endpoint import Access, Endpoint, NoParams
from mrk.api.large_result import LargeResult
from mrk.api.table import Table
from mrk.errors import ClientError, Transient
from nurseries.templates.calls import TemplateCalls


class Heat(msgspec.Struct, frozen=True):
    """What `heat` takes."""

    target: float


class Printer:
    """Answers calls, at once or later."""

    def __init__(self):
        self.callers = []
        self.heated = []
        self.begun = trio.Event()
        self.cancelled = False

    def info(self, params, caller):
        self.callers.append(caller)
        return {"state": "ready", "heat": Heat(5)}

    async def heat(self, params, caller):
        await trio.lowlevel.checkpoint()
        self.heated.append(params.target)
        return "ok"

    async def pieces(self, params, caller):
        await trio.lowlevel.checkpoint()
        return LargeResult([b"[1,", b"2]"])

    async def wait(self, params, caller):
        self.begun.set()
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            self.cancelled = True
            raise

    def refuse(self, params, caller):
        raise ClientError("too hot", 400)

    def away(self, params, caller):
        raise Transient("Klippy is away")

    def endpoints(self):
        def endpoint(path, handler, params=NoParams, **more):
            return Endpoint(path, ("POST",), params, handler, "x.", access=Access.ADMIN, **more)

        return [
            endpoint("/printer/info", self.info),
            endpoint("/printer/stored", lambda p, c: {"value": msgspec.Raw(b"[1]")}),
            endpoint("/printer/foreign", lambda p, c: msgspec.Raw(b"1e999")),
            endpoint("/printer/pieces", self.pieces),
            endpoint("/printer/heat", self.heat, Heat),
            endpoint("/printer/wait", self.wait),
            endpoint("/printer/refuse", self.refuse),
            endpoint("/printer/away", self.away),
            endpoint("/server/identify", self.info, transports=SOCKETS),
        ]


@pytest.fixture
def printer():
    return Printer()


@pytest.fixture
def render(printer):
    calls, templates = TemplateCalls(Table(printer.endpoints())), Templates()

    async def render(text):
        return await templates.compile_async(text).render(call_method=calls.call_method)

    return render


async def test_results_are_those_of_clients(printer, render):
    text = "{% set a = call_method('printer.info') %}{a.state}{a.heat.target}"
    assert await render(text + "{call_method('printer.heat', target='60')}") == "ready5ok"
    assert printer.callers == [INTERNAL_CALLER]
    assert printer.heated == [60.0]


async def test_results_that_are_json_already(render):
    assert await render("{call_method('printer.stored').value[0] + 1}") == "2"
    assert await render("{call_method('printer.pieces')[1] + 1}") == "3"


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("'printer.nothing'", "call_method: no method printer.nothing"),
        ("'server.identify'", "call_method: no method server.identify"),
        ("7", "call_method: no method 7"),
        ("'printer.heat', target='x'", "call_method printer.heat: "),
        ("'printer.foreign'", "call_method printer.foreign: The answer cannot be read: Number out"),
        ("'printer.refuse'", "call_method printer.refuse: too hot"),
        ("'printer.away'", "call_method printer.away: Klippy is away"),
    ],
)
async def test_what_fails(render, call, reason):
    with pytest.raises(TemplateFailed, match=reason):
        await render("{call_method(" + call + ")}")


async def test_a_template_ends_with_its_caller(printer, render):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(render, "{call_method('printer.wait')}")
        await printer.begun.wait()
        nursery.cancel_scope.cancel()
    assert printer.cancelled


async def test_two_renderings_at_once(printer, render):
    text = "{% for i in range(50) %}{% do call_method('printer.heat', target=i) %}{% endfor %}"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(render, text)
        nursery.start_soon(render, text)
    assert sorted(printer.heated) == sorted([float(i) for i in range(50)] * 2)
