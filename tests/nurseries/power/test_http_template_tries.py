"""`type: http`: tries of `http_request.send`, their limits and pauses, on a clock of Trio's."""

import pytest
import trio

from config.secret import Secret
from config.settings.power_drivers import HttpTemplateSettings
from config.template import Templates
from mrk.http.client import Fetched, NotReached
from mrk.power.states import DriverFailed, PowerState
from nurseries.power.drivers.http_templates import HttpTemplates


class SleepyDevice:
    """`HttpRequests`: what comes of each try is a number of seconds until it answers, or None."""

    def __init__(self, *tries: float | None) -> None:
        self._tries = [*tries]
        self.asked_at: list[float] = []

    async def request(self, verb, url, **_options):
        self.asked_at.append(trio.current_time())
        wait_s = self._tries.pop(0)
        if wait_s is None:
            await trio.lowlevel.checkpoint()
            raise NotReached("nobody is there")
        await trio.sleep(wait_s)
        return Fetched(200, {}, b"x", whole=True)


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
