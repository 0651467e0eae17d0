"""GPIO pins as the configuration writes them: `[^|~][!][CHIP/]gpioM`.

`^` is a pull-up, `~` a pull-down, `!` inverts. CHIP is gpiochipN or a chip's label, such as
pinctrl-rp1; without it gpiochip0 is meant. Pure.
"""

import enum
import re

import msgspec

# Of a GPIO chip; the largest have some 500 lines.
MOST_LINES = 4096
_PIN = r"([\^~]?)(!?)(?:([A-Za-z0-9][\w.:@-]{0,59})/)?gpio([0-9]{1,5})"
_FORM = "[!][gpiochipN/]gpioM"


class Bias(enum.StrEnum):
    """What holds an input that nothing drives."""

    NONE = "none"
    PULL_UP = "pull_up"
    PULL_DOWN = "pull_down"


class Pin(msgspec.Struct, frozen=True):
    """A line of a chip; `inverted` means active low."""

    chip: str
    line: int
    inverted: bool = False
    bias: Bias = Bias.NONE

    def __str__(self) -> str:
        return f"{self.chip}/gpio{self.line}"


_BIASES = {"": Bias.NONE, "^": Bias.PULL_UP, "~": Bias.PULL_DOWN}


def read_pin(text: str, *, bias_allowed: bool) -> Pin:
    """The pin; raises ValueError with the reason and what was expected."""
    form = f"[^|~]{_FORM}" if bias_allowed else _FORM
    found = re.fullmatch(_PIN, text.replace(" ", ""))
    if found is None:
        raise ValueError(f'"{text[:60]}" is not a pin (expected {form})')
    mark, inverted, chip, line = found.groups()
    if mark and not bias_allowed:
        raise ValueError(
            f'"{text[:60]}": {mark} is for inputs, and this pin is an output (expected {form})'
        )
    if int(line) >= MOST_LINES:
        raise ValueError(f'"{text[:60]}" is out of range (expected a line below {MOST_LINES})')
    return Pin(chip or "gpiochip0", int(line), bool(inverted), _BIASES[mark])
