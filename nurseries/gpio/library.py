"""What mrk uses of the library gpiod (libgpiod 2.x), and its errors in our words.

gpiod is imported when the first line is wanted; all of its calls are short ioctls.
"""

import errno
from datetime import timedelta
from pathlib import Path
from typing import Any

from mrk.definitions.pins import Bias, Pin
from mrk.extras import install_advice
from mrk.gpio.gpio_protocols import GpioError

CONSUMER = "mrk"
DEVICES = Path("/dev")
_REASONS = {
    errno.EBUSY: "another program, or a driver of the kernel, uses it",
    errno.EACCES: "mrk may not use it: its user must be in the group of the chip, often gpio",
    errno.EPERM: "mrk may not use it: its user must be in the group of the chip, often gpio",
    errno.ENODEV: "the chip was unplugged",
    errno.EINVAL: "the chip has no such line, or the line cannot do that",
    errno.ENOENT: "there is no such chip",
}


class GpioLibrary:
    """`module` is `gpiod`; `devices` is the folder of the chips."""

    def __init__(self, module: Any, devices: Path = DEVICES) -> None:
        self._gpiod = module
        self._devices = devices

    def request_output(self, pin: Pin, active: bool) -> Any:
        """A `LineRequest` of one line. Raises `GpioError`."""
        line = self._gpiod.line
        settings = self._gpiod.LineSettings(
            direction=line.Direction.OUTPUT,
            active_low=pin.inverted,
            output_value=self._value(active),
        )
        return self._request(pin, settings)

    def request_input(self, pin: Pin) -> Any:
        """The same, telling both edges. Raises `GpioError`."""
        line = self._gpiod.line
        bias = {
            Bias.NONE: line.Bias.DISABLED,
            Bias.PULL_UP: line.Bias.PULL_UP,
            Bias.PULL_DOWN: line.Bias.PULL_DOWN,
        }[pin.bias]
        settings = self._gpiod.LineSettings(
            direction=line.Direction.INPUT,
            edge_detection=line.Edge.BOTH,
            bias=bias,
            active_low=pin.inverted,
            debounce_period=timedelta(0),
        )
        return self._request(pin, settings)

    def set(self, request: Any, pin: Pin, active: bool) -> None:
        """Raises `GpioError`."""
        try:
            request.set_value(pin.line, self._value(active))
        except (OSError, ValueError) as exc:
            raise gpio_error(pin, exc) from exc

    def get(self, request: Any, pin: Pin) -> bool:
        """Raises `GpioError`."""
        try:
            value = request.get_value(pin.line)
        except (OSError, ValueError) as exc:
            raise gpio_error(pin, exc) from exc
        return bool(value == self._gpiod.line.Value.ACTIVE)

    def is_rising(self, event: Any) -> bool:
        """Whether an edge made the line active."""
        rising = self._gpiod.EdgeEvent.Type.RISING_EDGE
        return bool(event.event_type == rising)

    def _value(self, active: bool) -> Any:
        value = self._gpiod.line.Value
        return value.ACTIVE if active else value.INACTIVE

    def _request(self, pin: Pin, settings: Any) -> Any:
        try:
            path = self._path(pin)
            return self._gpiod.request_lines(path, consumer=CONSUMER, config={pin.line: settings})
        except (OSError, ValueError) as exc:
            raise gpio_error(pin, exc) from exc

    def _path(self, pin: Pin) -> str:
        """The device of a chip, which may be named by its label; raises OSError."""
        path = self._devices / pin.chip
        if path.exists():
            return str(path)
        for device in sorted(self._devices.glob("gpiochip*")):
            if not self._gpiod.is_gpiochip_device(str(device)):
                continue
            with self._gpiod.Chip(str(device)) as chip:
                if chip.get_info().label == pin.chip:
                    return str(device)
        raise FileNotFoundError(errno.ENOENT, f"there is no {path}, and no chip of that label")


def gpio_error(pin: Pin, error: OSError | ValueError) -> GpioError:
    """What a person is told."""
    number = error.errno if isinstance(error, OSError) else None
    reason = _REASONS.get(number or 0)
    if number == errno.ENOENT and error.args[-1:]:
        reason = str(error.args[-1])
    return GpioError(f"{pin}: {reason or error}")


def load_gpiod() -> GpioLibrary:
    """Import it; raises `GpioError` where it is not installed."""
    try:
        import gpiod
    except ImportError as exc:
        raise GpioError(
            f"the library gpiod cannot be used ({exc}): {install_advice('gpio')}"
        ) from exc
    return GpioLibrary(gpiod)
