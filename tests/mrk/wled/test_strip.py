"""What a WLED strip is sent for each order, and what is reported then."""

import pytest

from mrk.wled.remote import StateChange, read_colour, read_state
from mrk.wled.strip import ColourChange, Strip, pixel

RED = (1.0, 0.0, 0.0, 0.0)


def strip(preset=-1, count=3):
    return Strip("case", count, preset, (0.5, 0.5, 0.5, 0.5))


def done(one, order):
    """Its bodies, once they were sent."""
    one.take(order)
    return order.bodies


def values(one):
    report = one.report
    return report.status, report.preset, report.brightness, report.intensity, report.speed


def test_the_initial_colour():
    one = strip()
    grey = [128, 128, 128, 128]
    assert done(one, one.on()) == [
        {"on": True, "tt": 0, "bri": 255, "seg": {"bri": 255, "i": [0, 3, grey]}}
    ]
    assert values(one) == ("on", -1, 255, -1, -1)


@pytest.mark.parametrize(("initial", "asked", "sent"), [(4, -1, 4), (0, -1, 0), (-1, 7, 7)])
def test_presets(initial, asked, sent):
    one = strip(initial)
    assert done(one, one.on(asked)) == [{"on": True, "ps": sent}]
    assert values(one) == ("on", sent, -1, -1, -1)


def test_off_keeps_the_rest_of_the_report():
    one = strip(4)
    done(one, one.on())
    assert done(one, one.toggle()) == [{"on": False}]
    assert values(one) == ("off", 4, -1, -1, -1)
    assert done(one, one.toggle()) == [{"on": True, "ps": 4}]


def test_control_of_a_preset():
    one = strip(4)
    assert one.control(1, 2, 3) is None
    done(one, one.on())
    assert done(one, one.control(120, 60, 200)) == [
        {"tt": 0, "seg": {"bri": 120, "ix": 60, "sx": 200}, "bri": 120}
    ]
    assert values(one) == ("on", 4, 120, 60, 200)
    assert done(one, one.control(-1, 0, -1)) == [{"tt": 0, "seg": {"ix": 0}}]


def test_control_without_a_preset():
    one = strip()
    done(one, one.on())
    assert done(one, one.control(9, 60, 200)) == [{"tt": 0, "bri": 9}]
    assert values(one) == ("on", -1, 9, -1, -1)
    for nothing in ((-1, 60, 200), (0, -1, -1), (256, 256, 256)):
        assert one.control(*nothing) is None


def test_one_pixel():
    one = strip()
    done(one, one.on())
    change = ColourChange(RED, 2)
    body = {"on": True, "tt": 0, "bri": 255, "seg": {"bri": 255, "i": [1, [255, 0, 0, 0]]}}
    assert done(one, one.colours([change])) == [body]
    assert values(one) == ("on", -1, 255, -1, -1)


def test_all_pixels():
    one = strip()
    done(one, one.on())
    (body,) = done(one, one.colours([ColourChange(RED)]))
    assert body["seg"]["i"] == [0, 3, [255, 0, 0, 0]]


def test_several_at_once_are_one_body():
    one = strip()
    done(one, one.on())
    changes = [ColourChange((n / 255, 0, 0, 0), n) for n in (1, 2, 3)]
    (body,) = done(one, one.colours(changes))
    assert body["seg"]["i"] == [[1, 0, 0, 0], [2, 0, 0, 0], [3, 0, 0, 0]]


def test_what_the_strip_may_not_show_any_more_is_sent_whole():
    one = strip(4)
    done(one, one.on())
    (body,) = done(one, one.colours([ColourChange(RED, 1)]))
    assert len(body["seg"]["i"]) == 3
    assert values(one) == ("on", -1, 255, -1, -1)


def test_colours_that_wait():
    one = strip()
    done(one, one.on())
    assert one.colours([ColourChange(RED, 1, transmit=False)]) is None
    (body,) = done(one, one.colours([ColourChange(RED, 2)]))
    assert body["seg"]["i"][:2] == [[255, 0, 0, 0]] * 2
    assert body["seg"]["i"][2] == [128] * 4


def test_a_colour_while_it_is_off_is_sent_twice():
    one = strip()
    done(one, one.on())
    done(one, one.off())
    bodies = done(one, one.colours([ColourChange(RED, 1)]))
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]
    assert len(bodies[0]["seg"]["i"]) == 3
    assert one.is_on


def test_a_failure_changes_nothing_but_the_error():
    one = strip()
    order = one.on()
    one.failed("away")
    assert (one.report.status, one.report.error) == ("off", "away")
    one.take(order)
    assert one.report.error is None


def test_a_pixel_that_is_not_there():
    with pytest.raises(ValueError, match="index 4 is not 1 to 3"):
        strip().colours([ColourChange(RED, 4)])


def test_colours_are_clamped():
    assert pixel((-1.0, 0.0, 0.5, 2.0)) == (0, 0, 128, 255)


def test_arguments_of_macros():
    assert read_state("ON", -1, "9", -1, -1) == StateChange(True, -1, 9, -1, -1)
    assert read_state(None, -1, -1, -1, -1).says_nothing
    assert read_colour("1", 0, 0, 0, -1, 1) == ColourChange(RED)
    assert read_colour(1, 0, 0, 0, 2, 0) == ColourChange(RED, 2, transmit=False)
    for bad in (("dim", -1, -1, -1, -1), (True, "x", -1, -1, -1), (None, None, -1, -1, -1)):
        with pytest.raises(ValueError, match="is not"):
            read_state(*bad)
    for bad in (("x", 0, 0, 0, None, 1), (1, 0, 0, 0, "x", 1), (float("nan"), 0, 0, 0, None, 1)):
        with pytest.raises(ValueError, match=r"is (not|out)"):
            read_colour(*bad)


@pytest.mark.parametrize(
    ("words", "on"),
    [(("true", "TRUE", True, "on", " On "), True), (("false", False, "off", "OFF"), False)],
)
def test_words_of_macros(words, on):
    assert [read_state(word, -1, -1, -1, -1).on for word in words] == [on] * len(words)


@pytest.mark.parametrize("given", [(0, -1, -1, -1), (-1, 0, -1, -1), (-1, -1, -1, 0)])
def test_zero_is_something_that_a_macro_says(given):
    assert not read_state(None, *given).says_nothing


@pytest.mark.parametrize(
    ("index", "place"), [(None, None), (-1, None), (-7, None), ("2", 2), (0, 0)]
)
def test_the_pixel_of_a_macro(index, place):
    assert read_colour(1, 0, 0, 0, index, 1) == ColourChange(RED, place)


def test_a_large_number_is_no_colour():
    for number in (1e6, -1e6, float("inf")):
        with pytest.raises(ValueError, match=r"green .* is out of range"):
            read_colour(0, number, 0, 0, None, 1)
    assert read_colour(0, 0, 0, 999_999, None, 1).colour[3] == 999_999


def test_preset_0_is_one():
    one = strip(4)
    assert done(one, one.on(0)) == [{"on": True, "ps": 0}]
    assert done(one, one.control(255, 255, 0)) == [
        {"tt": 0, "seg": {"bri": 255, "ix": 255, "sx": 0}, "bri": 255}
    ]
    assert one.control(-1, 256, 256) is None


def test_a_brightness_of_1_stays_when_pixels_are_painted():
    one = strip()
    done(one, one.on())
    assert done(one, one.control(1, -1, -1)) == [{"tt": 0, "bri": 1}]
    (body,) = done(one, one.colours([ColourChange(RED, 3)]))
    assert (body["bri"], body["seg"]) == (1, {"bri": 1, "i": [2, [255, 0, 0, 0]]})
    assert values(one) == ("on", -1, 1, -1, -1)


def test_behind_what_was_sent_whole_one_pixel_is_enough():
    one = strip(4)
    done(one, one.on())
    done(one, one.colours([ColourChange(RED, 1)]))
    (body,) = done(one, one.colours([ColourChange(RED, 3)]))
    assert body["seg"]["i"] == [2, [255, 0, 0, 0]]
    done(one, one.on())
    (body,) = done(one, one.colours([ColourChange(RED, 2)]))
    assert len(body["seg"]["i"]) == 3
    assert body["seg"]["i"][2] == [255, 0, 0, 0]


def test_a_strip_that_was_never_reached_is_painted_whole():
    one = strip()
    first, second = done(one, one.colours([ColourChange(RED, 2)]))
    assert first == second
    assert first["seg"]["i"] == [[128] * 4, [255, 0, 0, 0], [128] * 4]
