"""`type: http`: tries of `http_request.send`, their limits and pauses, on a clock of Trio's."""

import pytest
import trio

from config.secret import Secret
from config.settings.power_drivers import HttpTemplateSettings
from config.template import Templates
from mrk.http.client import Fetched, NotReached
from mrk.power.http_exchange import Ask
from mrk.power.states import DriverFailed, PowerState
from nurseries.power.drivers.device_http import DeviceHttp
from nurseries.power.drivers.http_templates import HttpTemplates


class SleepyDevice:
    """`HttpRequests`: what comes of each try is a number of seconds until it answers, or None."""

    def __init__(self, *tries: float | None, statuses: tuple[int, ...] = ()) -> None:
        self._tries = [*tries]
        self._statuses = [*statuses]
        self.asked_at: list[float] = []

    async def request(self, verb, url, **_options):
        self.asked_at.append(trio.current_time())
        wait_s = self._tries.pop(0)
        if wait_s is None:
            await trio.lowlevel.checkpoint()
            raise NotReached("nobody is there")
        await trio.sleep(wait_s)
        return Fetched(self._statuses.pop(0) if self._statuses else 200, {}, b"x", whole=True)


async def switched(device, arguments):
    """The state, and when each try began."""
    compiled = Templates().compile_async
    url, none = Secret("http://relay/s"), Secret("")
    settings = HttpTemplateSettings(
        url, url, url, compiled(f"{{% do http_request.send({arguments}) %}}"), compiled("on"),
        none, none, True,
    )  # fmt: skip
    begun = trio.current_time()
    state = await HttpTemplates(device, settings).switch(True)
    return state, [round(at - begun, 3) for at in device.asked_at]


async def test_a_try_that_hangs_is_given_up_for_the_next(autojump_clock):
    device = SleepyDevice(1e9, 1.9)
    state, tries = await switched(device, "request_timeout=2, retry_pause_time=1")
    assert (state, tries) == (PowerState.ON, [0, 3])


async def test_a_try_may_take_20_s_and_the_next_comes_soon(autojump_clock):
    device = SleepyDevice(1e9, None, 19.9)
    assert await switched(device, "") == (PowerState.ON, [0, 20.3, 20.6])


@pytest.mark.parametrize(
    ("arguments", "tries"),
    [
        ("request_timeout=0.5, attempts=2, retry_pause_time=0", [0, 0.5]),
        ("request_timeout=1, attempts=1", [0]),
        ("request_timeout=1, retry_pause_time=-5", [0, 1, 2]),
        ("request_timeout=1, attempts=2, retry_pause_time=900", [0, 61]),
        ("request_timeout=900, attempts=2, retry_pause_time=0", [0, 60]),
        ("request_timeout=-1, attempts=2, retry_pause_time=0", [0, 0]),
    ],
)
async def test_no_try_is_answered(autojump_clock, arguments, tries):
    device = SleepyDevice(*[1e9] * 3)
    begun = trio.current_time()
    with pytest.raises(DriverFailed, match="no answer within"):
        await switched(device, arguments)
    assert [round(at - begun, 3) for at in device.asked_at] == tries


async def test_a_device_that_is_not_there(autojump_clock):
    device = SleepyDevice(*[None] * 10)
    with pytest.raises(DriverFailed, match="it cannot be reached: nobody is there"):
        await switched(device, "attempts=99")
    assert len(device.asked_at) == 10


@pytest.mark.parametrize("status", [500, 503, 429, 408])
async def test_a_device_that_is_busy_is_asked_again(autojump_clock, status):
    device = SleepyDevice(0, 0, 0, statuses=(status, status, 200))
    assert await switched(device, "") == (PowerState.ON, [0, 0.3, 0.6])


@pytest.mark.parametrize(("status", "tries"), [(503, 3), (404, 1), (401, 1), (403, 1)])
async def test_what_it_says_at_last_is_told(autojump_clock, status, tries):
    device = SleepyDevice(*[0] * 3, statuses=(status,) * 3)
    with pytest.raises(DriverFailed, match=f"it answers HTTP {status}"):
        await switched(device, "")
    assert len(device.asked_at) == tries


async def test_other_types_are_asked_again_as_well(autojump_clock):
    device = SleepyDevice(0, 0, 0, statuses=(503, 200))
    answer = await DeviceHttp(device, "http://plug").ask(Ask("/cm"))
    assert (answer.status, len(device.asked_at)) == (200, 2)
    broken = SleepyDevice(0, 0, 0, statuses=(503,) * 3)
    with pytest.raises(DriverFailed, match="it answers HTTP 503 x"):
        await DeviceHttp(broken, "http://plug").ask(Ask("/cm"))
    assert len(broken.asked_at) == 3
