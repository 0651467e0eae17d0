import pytest

from mrk.buttons.debounce import MOST_EDGES, ButtonChange, Debouncer


def test_press_and_release():
    button = Debouncer(False, 10.0, 0.0)
    button.edge(12.5)
    assert button.settle(True) == ButtonChange(True, 2.5, 12.5, 1)
    button.edge(12.75)
    button.edge(12.76)
    button.edge(12.77)
    assert button.settle(False) == ButtonChange(False, 0.25, 12.75, 1)
    assert button.settle(False) is None


def test_a_pulse_within_the_window_is_nothing():
    button = Debouncer(True, 0.0, 0.0)
    button.edge(1.0)
    button.edge(1.01)
    assert button.settle(True) is None
    button.edge(3.0)
    change = button.settle(False)
    assert change is not None
    assert change.elapsed_time == 3.0


def test_short_ones_reset_the_clock():
    button = Debouncer(False, 0.0, 1.0)
    found = []
    for at_s, pressed in ((5.0, True), (5.5, False), (6.6, True), (8.0, False)):
        button.edge(at_s)
        change = button.settle(pressed)
        assert change is not None
        found.append((round(change.elapsed_time, 3), change.is_short))
    assert found == [(5.0, False), (0.5, True), (1.1, False), (1.4, False)]


def test_presses_in_a_row_are_counted():
    button = Debouncer(False, 0.0, 0.0)
    counts = []
    for at_s in (1.0, 1.4, 1.8, 3.0):
        for late_s, pressed in ((0.0, True), (0.1, False)):
            button.edge(at_s + late_s)
            change = button.settle(pressed)
            assert change is not None
            counts.append(change.count)
    assert counts == [1, 1, 2, 2, 3, 3, 1, 1]


@pytest.mark.parametrize(("gap_s", "is_noisy"), [(0.001, True), (0.1, True), (0.11, False)])
def test_noise(gap_s, is_noisy):
    button = Debouncer(False, 0.0, 0.0)
    button.edge(1.0)
    for number in range(MOST_EDGES):
        assert not button.is_noisy
        button.edge(1.0 + number * gap_s)
    assert button.is_noisy is is_noisy
