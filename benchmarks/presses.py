"""From a button's edge to its template, on the tests' fake of gpiod: its descriptor is a real pipe.

In this process. What is measured begins at the edge and ends in the template; the debounce window,
which the owner configures, is taken off.
"""

import time
from pathlib import Path
from typing import Any

import trio

from benchmarks.daemon import temporary_folder
from benchmarks.figures import Figure
from benchmarks.plan import Plan
from benchmarks.statistics import percentile
from config.load import load
from config.paths import Paths
from nurseries.buttons.button import Button
from nurseries.gpio.chips import GpioChips
from nurseries.gpio.library import GpioLibrary
from tests.fakes.gpio_chip import FakeChip, FakeGpiod

_DEBOUNCE_S = 0.01
_TELL = "{% do send_notification(event.pressed) %}"
_SECTIONS = f"""[server]
[authorization]
[button bench]
pin: ^!gpio17
debounce_period: {_DEBOUNCE_S}
on_press: {_TELL}
on_release: {_TELL}
"""
_LINE = 17


def measure_presses(plan: Plan) -> list[Figure]:
    """Milliseconds, p99."""
    with temporary_folder() as folder:
        samples = trio.run(_press, plan, folder)
    return [
        Figure(
            name="button_p99",
            what="button: edge to template, p99",
            value=percentile(samples, 99),
            unit="ms",
            budget=5,
            note=f"{len(samples)} edges; p50 {percentile(samples, 50):.2f} ms; without the window"
            f" of {1000 * _DEBOUNCE_S:.0f} ms",
        )
    ]


async def _press(plan: Plan, folder: Path) -> list[float]:
    chip = FakeChip(now_ns=time.monotonic_ns())
    device = folder / "gpiochip0"
    device.touch()
    gpio = GpioChips(lambda: GpioLibrary(FakeGpiod({str(device): chip}), folder))
    file = folder / "bench.conf"
    file.write_text(_SECTIONS)
    loaded = load(Paths.resolve(environ={}, data_path=folder, config_file=file))
    told_in, told = trio.open_memory_channel[float](1)

    async def call_method(_method: str, **_arguments: Any) -> None:
        await trio.lowlevel.checkpoint()

    (settings,) = loaded.settings.buttons
    button = Button(settings, gpio, call_method, lambda _: told_in.send_nowait(time.monotonic()))
    samples = []
    async with trio.open_nursery() as nursery:
        await nursery.start(button.serve)
        for number in range(200 * plan.rounds):
            await trio.lowlevel.checkpoint()
            began = time.monotonic()
            chip.drive(_LINE, bool(number % 2))
            samples.append(1000 * (await told.receive() - began - _DEBOUNCE_S))
        nursery.cancel_scope.cancel()
    return samples
