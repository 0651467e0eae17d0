"""GPIO lines on a fake of gpiod 2.x, and the real gpiod where there are no chips."""

import errno

import gpiod
import pytest
import trio
import trio.testing

from mrk.definitions.pins import read_pin
from mrk.gpio.gpio_protocols import GpioError
from nurseries.gpio.chips import GpioChips
from nurseries.gpio.library import GpioLibrary, gpio_error, load_gpiod
from tests.fakes.gpio_chip import FakeChip, FakeGpiod


@pytest.fixture
def chip():
    return FakeChip()


@pytest.fixture
def chips(chip, tmp_path):
    (tmp_path / "gpiochip0").touch()
    module = FakeGpiod({str(tmp_path / "gpiochip0"): chip})
    return GpioChips(lambda: GpioLibrary(module, tmp_path))


def pin(text):
    return read_pin(text, bias_allowed=True)


def test_an_output_has_its_level_from_the_request_on(chips, chip):
    chips.open_output(pin("gpio17"), "[power a]", True)
    chips.open_output(pin("!gpio18"), "[power b]", True)
    chips.open_output(pin("gpio19"), "[power c]")
    assert chip.levels == {17: [True], 18: [False], 19: [False]}


def test_an_output_is_switched_by_its_logical_level(chips, chip):
    line = chips.open_output(pin("!gpio17"), "[power a]", False)
    line.set(True)
    assert line.is_active
    assert chip.levels[17] == [True, False]


def test_a_line_has_one_user(chips):
    line = chips.open_output(pin("gpio17"), "[power a]")
    with pytest.raises(GpioError, match=r"gpiochip0/gpio17: \[power a\] uses this line already"):
        chips.open_input(pin("gpiochip0/gpio17"), "[button b]")
    line.release()
    line.release()
    chips.open_input(pin("gpio17"), "[button b]")


def test_an_output_keeps_its_level_over_a_restart(chips, chip):
    chips.open_output(pin("gpio17"), "[power a]", True).release()
    again = chips.open_output(pin("gpio17"), "[power a]", False)
    assert again.is_active
    assert chip.levels[17] == [True]


def test_a_pin_that_is_inverted_since_is_requested_anew(chips, chip):
    chips.open_output(pin("gpio17"), "[power a]", True).release()
    chips.open_output(pin("!gpio17"), "[power a]", False)
    assert chip.levels[17] == [True, True]


async def test_edges_are_told_with_the_kernels_time(chips, chip):
    line = chips.open_input(pin("^!gpio3"), "[button a]")
    assert not line.read()
    chip.drive(3, high=False)
    chip.drive(3, high=True, after_s=0.25)
    first, second = await line.edges()
    assert (first.active, second.active) == (True, False)
    assert second.at_s - first.at_s == pytest.approx(0.25)


async def test_edges_are_waited_for(chips, chip):
    line = chips.open_input(pin("~gpio3"), "[button a]")
    found = []

    async def wait():
        found.extend(await line.edges())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        assert found == []
        chip.drive(3, high=True)
    assert [edge.active for edge in found] == [True]
    line.release()


async def test_an_unplugged_chip_is_told_and_comes_back(chips, chip):
    line = chips.open_output(pin("gpio17"), "[power a]", True)
    button = chips.open_input(pin("gpio3"), "[button b]")
    chip.unplug()
    with pytest.raises(GpioError, match="gpiochip0/gpio17: the chip was unplugged"):
        line.set(False)
    with pytest.raises(GpioError, match="gpio3: the chip was unplugged"):
        await button.edges()
    line.release()
    button.release()
    with pytest.raises(GpioError, match="No such file"):
        chips.open_output(pin("gpio17"), "[power a]", True)
    chip.plug()
    assert chips.open_output(pin("gpio17"), "[power a]", True).is_active


def test_what_cannot_be_had_is_told(chips, chip):
    chip.busy.add(4)
    with pytest.raises(GpioError, match="gpiochip0/gpio4: another program, or a driver"):
        chips.open_output(pin("gpio4"), "[power a]")
    with pytest.raises(GpioError, match="gpio60: invalid offset"):
        chips.open_output(pin("gpio60"), "[power a]")
    with pytest.raises(GpioError, match="gpiochip7/gpio1: there is no"):
        chips.open_output(pin("gpiochip7/gpio1"), "[power a]")


def test_a_chip_may_be_named_by_its_label(chips, chip):
    chips.open_output(pin("pinctrl-fake/gpio5"), "[power a]", True)
    assert chip.levels == {5: [True]}


@pytest.mark.parametrize(
    ("number", "text"), [(errno.EACCES, "group of the chip"), (errno.EINVAL, "no such line")]
)
def test_errors_of_the_kernel_in_our_words(number, text):
    assert text in str(gpio_error(pin("gpio1"), OSError(number, "?")))


def test_the_real_library_is_driven_to_its_first_error(tmp_path):
    """This kernel has no chips, but gpiod takes the settings and tries the device."""
    library = GpioLibrary(gpiod, tmp_path)
    for file, reason in (("gpiochip0", "Inappropriate ioctl"), ("gpiochip9", "there is no")):
        (tmp_path / "gpiochip0").touch()
        wanted = pin(f"^!{file}/gpio17")
        with pytest.raises(GpioError, match=reason):
            library.request_output(wanted, active=True)
        with pytest.raises(GpioError, match=reason):
            library.request_input(wanted)
    assert isinstance(load_gpiod(), GpioLibrary)
