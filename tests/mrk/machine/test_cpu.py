from hypothesis import given
from hypothesis import strategies as st

from mrk.machine.cpu import CpuTimes, cpu_usage, parse_stat

STAT = b"""cpu  1000 10 500 80000 90 0 20 5 7 0
cpu0 500 5 250 40000 45 0 10 2 7 0
cpu1 500 5 250 40000 45 0 10 3 0 0
intr 94163 0 0 0
cpu9 1 1 1 1 1 1 1 1 1 1
"""


def test_totals_leave_out_guest_time_which_user_time_contains() -> None:
    cores = parse_stat(STAT)
    assert list(cores) == ["cpu", "cpu0", "cpu1"]
    assert cores["cpu0"] == CpuTimes(total=500 + 5 + 250 + 40000 + 45 + 10 + 2, idle=40045)


def test_usage_is_the_share_that_was_not_idle() -> None:
    before = {"cpu": CpuTimes(1000, 800), "cpu0": CpuTimes(0, 0)}
    after = {"cpu": CpuTimes(1200, 950), "cpu0": CpuTimes(100, 0)}
    assert cpu_usage(before, after) == {"cpu": 25.0, "cpu0": 100.0}


def test_a_core_that_came_between_has_no_usage_yet() -> None:
    assert cpu_usage({}, {"cpu3": CpuTimes(5, 5)}) == {}


def test_counters_that_stand_or_run_backwards_stay_within_0_and_100() -> None:
    before = {"a": CpuTimes(100, 50), "b": CpuTimes(100, 50), "c": CpuTimes(100, 50)}
    after = {"a": CpuTimes(100, 50), "b": CpuTimes(110, 40), "c": CpuTimes(110, 70)}
    assert cpu_usage(before, after) == {"a": 0.0, "b": 100.0, "c": 0.0}


def test_old_kernels_with_four_fields_are_read_and_three_are_not_enough() -> None:
    assert parse_stat(b"cpu 1 2 3 4\n") == {"cpu": CpuTimes(10, 4)}
    assert parse_stat(b"cpu 1 2 3\n") == {}


@given(st.one_of(st.binary(), st.binary().map(lambda b: b"cpu " + b), st.just(b"cpu 1 2 3 " * 99)))
def test_junk_never_raises(data: bytes) -> None:
    usage = cpu_usage(parse_stat(data), parse_stat(STAT))
    assert all(0 <= percent <= 100 for percent in usage.values())


@given(st.integers(0, len(STAT)))
def test_a_truncated_file_gives_a_part(length: int) -> None:
    assert set(parse_stat(STAT[:length])) <= {"cpu", "cpu0", "cpu1", "cpu9"}
