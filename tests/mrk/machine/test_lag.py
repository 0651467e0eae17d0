from mrk.machine.lag import BOUNDS_MS, LagMs, LoopLag


def test_nothing_noted_is_no_lag() -> None:
    assert LoopLag().lag_ms() == LagMs(0.0, 0.0)


def test_the_worst_is_forgotten_after_sixty_notes() -> None:
    lag = LoopLag()
    lag.note(0.25)
    for _ in range(59):
        lag.note(0.001)
    assert lag.lag_ms() == LagMs(1.0, 250.0)
    lag.note(0.002)
    assert lag.lag_ms() == LagMs(2.0, 2.0)


def test_coming_early_is_no_lag() -> None:
    lag = LoopLag()
    lag.note(-0.5)
    assert lag.lag_ms() == LagMs(0.0, 0.0)


def test_each_lateness_is_counted_once_in_the_histogram() -> None:
    lag = LoopLag()
    for late_s in (0.0, 0.001, 0.0011, 0.3, 1.0, 7.0):
        lag.note(late_s)
    found = lag.histogram()
    assert found.bounds_ms == BOUNDS_MS
    assert found.counts == [2, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1]
    assert found.sum_ms == 8302.1
