"""Pins as the configuration writes them."""

import pytest

from mrk.definitions.pins import Bias, Pin, read_pin


@pytest.mark.parametrize(
    ("text", "pin"),
    [
        ("gpio26", Pin("gpiochip0", 26)),
        ("!gpio26", Pin("gpiochip0", 26, inverted=True)),
        ("gpiochip4/gpio17", Pin("gpiochip4", 17)),
        ("^!gpiochip1/gpio2", Pin("gpiochip1", 2, inverted=True, bias=Bias.PULL_UP)),
        ("~gpio0", Pin("gpiochip0", 0, bias=Bias.PULL_DOWN)),
        ("pinctrl-rp1/gpio4095", Pin("pinctrl-rp1", 4095)),
    ],
)
def test_pins(text, pin):
    assert read_pin(text, bias_allowed=True) == pin


@pytest.mark.parametrize("text", ["", "17", "gpio", "gpio9xyz", "!^gpio1", "gpio-1", "/gpio1"])
def test_what_is_no_pin(text):
    with pytest.raises(ValueError, match=r"is not a pin \(expected \[\^|~\]"):
        read_pin(text, bias_allowed=True)


def test_an_output_has_no_bias():
    with pytest.raises(ValueError, match="is for inputs"):
        read_pin("^gpio1", bias_allowed=False)


def test_a_line_beyond_any_chip():
    with pytest.raises(ValueError, match="out of range"):
        read_pin("gpio4096", bias_allowed=False)
