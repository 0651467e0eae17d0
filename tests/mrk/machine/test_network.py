from hypothesis import given
from hypothesis import strategies as st

from mrk.machine.network import InterfaceUsage, parse_net_dev, with_bandwidth

HEAD = b"""Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop \
fifo colls carrier compressed
"""
NET_DEV = HEAD + (
    b"    lo:    1000      10    0    0    0     0          0         0     1000      10    0    0"
    b"    0     0       0          0\n"
    b"  eth0:1200345    8123    1    2    0     0          0         0   998001    7011    3    4"
    b"    0     0       0          0\n"
)
LINE = b" 1" * 16 + b"\n"


def test_counters_by_interface() -> None:
    found = parse_net_dev(NET_DEV)
    assert list(found) == ["lo", "eth0"]
    assert found["eth0"] == InterfaceUsage(1200345, 998001, 8123, 7011, 1, 3, 2, 4, 0.0)


def test_names_with_colons_and_odd_bytes_are_carried() -> None:
    found = parse_net_dev(HEAD + b"eth0:1:" + LINE + b"w\xff:" + LINE)
    assert list(found) == ["eth0:1", "w\N{REPLACEMENT CHARACTER}"]


def test_bandwidth_counts_both_directions_per_second() -> None:
    before = {"eth0": InterfaceUsage(100, 50, 1, 1, 0, 0, 0, 0)}
    after = {"eth0": InterfaceUsage(300, 150, 2, 2, 0, 0, 0, 0)}
    assert with_bandwidth(before, after, 2.0)["eth0"].bandwidth == 150.0


def test_new_interfaces_reset_counters_and_no_time_have_no_bandwidth() -> None:
    full, fresh = InterfaceUsage(9, 9, 9, 9, 0, 0, 0, 0), InterfaceUsage(1, 1, 1, 1, 0, 0, 0, 0)
    assert with_bandwidth({}, {"a": full}, 1.0)["a"].bandwidth == 0.0
    assert with_bandwidth({"a": full}, {"a": fresh}, 1.0)["a"].bandwidth == 0.0
    assert with_bandwidth({"a": fresh}, {"a": full}, 0.0)["a"].bandwidth == 0.0


@given(st.binary())
def test_junk_never_raises(data: bytes) -> None:
    parse_net_dev(data)
    parse_net_dev(NET_DEV + b"x:" + data)


@given(st.integers(0, len(NET_DEV)))
def test_a_truncated_file_keeps_whole_lines_only(length: int) -> None:
    assert set(parse_net_dev(NET_DEV[:length])) <= {"lo", "eth0"}
