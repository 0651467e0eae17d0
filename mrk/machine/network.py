"""Counters of network interfaces from /proc/net/dev, and the bandwidth between two readings.

Pure; the proc stats sampler keeps the reading before. Format: proc(5), "/proc/net/dev".
"""

import msgspec

# Received: bytes packets errs drop fifo frame compressed multicast, then the same of sent.
_FIELDS = 16
_SENT = 8
_MOST_DIGITS = 20


class InterfaceUsage(msgspec.Struct, frozen=True):
    """Counters since the interface came up; `bandwidth` is bytes per second both ways."""

    rx_bytes: int
    tx_bytes: int
    rx_packets: int
    tx_packets: int
    rx_errs: int
    tx_errs: int
    rx_drop: int
    tx_drop: int
    bandwidth: float = 0.0


def parse_net_dev(data: bytes) -> dict[str, InterfaceUsage]:
    """Return counters by interface name; lines that make no sense are left out."""
    found = {}
    for line in data.split(b"\n"):
        # The name itself may hold colons (alias interfaces), the counters never do.
        name, colon, rest = line.rpartition(b":")
        fields = rest.split()
        if colon and len(fields) >= _FIELDS and _are_numbers(fields):
            found[name.strip().decode("utf-8", "replace")] = _usage([int(f) for f in fields])
    return found


def _are_numbers(fields: list[bytes]) -> bool:
    return all(f.isdigit() and len(f) <= _MOST_DIGITS for f in fields)


def _usage(fields: list[int]) -> InterfaceUsage:
    received, sent = fields[:_SENT], fields[_SENT:]
    return InterfaceUsage(
        rx_bytes=received[0],
        tx_bytes=sent[0],
        rx_packets=received[1],
        tx_packets=sent[1],
        rx_errs=received[2],
        tx_errs=sent[2],
        rx_drop=received[3],
        tx_drop=sent[3],
    )


def with_bandwidth(
    before: dict[str, InterfaceUsage], after: dict[str, InterfaceUsage], elapsed_s: float
) -> dict[str, InterfaceUsage]:
    """Return `after` with the bandwidth since `before`; 0 for new interfaces and reset counters."""
    if elapsed_s <= 0:
        return after
    return {
        name: msgspec.structs.replace(now, bandwidth=_rate(before[name], now, elapsed_s))
        if name in before
        else now
        for name, now in after.items()
    }


def _rate(before: InterfaceUsage, after: InterfaceUsage, elapsed_s: float) -> float:
    moved = after.rx_bytes + after.tx_bytes - before.rx_bytes - before.tx_bytes
    return round(max(moved, 0) / elapsed_s, 2)
