import pytest

from mrk.definitions.pins import Bias, Pin

PLAIN = "pin: ^!gpio17\non_press: {% do call_method('x') %}\n"


def test_none_by_default(read):
    assert read("").settings.buttons == ()


def test_values(read):
    loaded = read(
        f"[button a b]\ntype: gpio\n{PLAIN}debounce_period: 0.1\nminimum_event_time: 1\n"
        "[button c]\npin: ~gpiochip4/gpio3\non_release:\n"
        '  {% do call_method("printer.emergency_stop") %}\n'
    )
    assert loaded.warnings == []
    first, second = loaded.settings.buttons
    assert (first.name, first.pin) == ("b", Pin("gpiochip0", 17, True, Bias.PULL_UP))
    assert (first.debounce_s, first.minimum_event_s) == (0.1, 1.0)
    assert (first.stops_on_press, first.stops_on_release) == (False, False)
    assert (second.debounce_s, second.on_press, second.stops_on_release) == (0.05, None, True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("on_press: x", "pin: this option is required"),
        ("pin: gpio1", "this option or on_release is required"),
        ("pin: 17\non_press: x", "is not a pin"),
        (f"{PLAIN}debounce_period: 0", "out of range (expected 0.01 to 10)"),
        (f"{PLAIN}minimum_event_time: -1", "out of range"),
        (f"{PLAIN}type: serial", "expected one of gpio"),
        ("pin: gpio1\non_press: {% if %}", "line 1 of the template"),
    ],
)
def test_mistakes_leave_one_out(read, text, told):
    loaded = read(f"[button bad]\n{text}\n[button good]\n{PLAIN}")
    assert [one.name for one in loaded.settings.buttons] == ["good"]
    (warning,) = loaded.warnings
    assert told in warning


def test_of_two_with_one_name_the_later_is_used_and_the_other_told(read):
    loaded = read(f"[button left stop]\n{PLAIN}[button right stop]\n{PLAIN.replace('17', '18')}")
    (button,) = loaded.settings.buttons
    assert (button.name, button.pin.line) == ("stop", 18)
    assert loaded.warnings == [
        "[button left stop] is not used: [button right stop] is the button 'stop', too"
    ]
