from hypothesis import given
from hypothesis import strategies as st

from mrk.extensions.token_bucket import TokenBucket


def test_the_burst_is_had_at_once_and_not_one_more() -> None:
    allowance = TokenBucket(3, 1, 100.0)
    assert [allowance.take(1, 100.0) for _ in range(4)] == [True, True, True, False]


def test_it_fills_with_time_up_to_the_burst() -> None:
    allowance = TokenBucket(3, 2, 0.0)
    assert allowance.take(3, 0.0)
    assert not allowance.take(1, 0.49)
    assert allowance.take(1, 0.5)
    assert allowance.left(1000.0) == 3


def test_what_is_refused_costs_nothing() -> None:
    allowance = TokenBucket(3, 1, 0.0)
    assert not allowance.take(4, 0.0)
    assert allowance.take(3, 0.0)


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 10)), max_size=50))
def test_never_more_than_the_burst_and_the_rate(asked: list[tuple[float, float]]) -> None:
    allowance, now, taken = TokenBucket(10, 2, 0.0), 0.0, 0.0
    for pause, amount in asked:
        now += pause
        taken += amount if allowance.take(amount, now) else 0
        assert taken <= 10 + 2 * now + 1e-6
