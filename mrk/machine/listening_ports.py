"""Ports at which somebody listens, from the tables /proc/net/tcp and tcp6 (proc(5)). Pure."""

import re
from collections.abc import Collection

_LISTEN = "0A"  # enum in Linux's include/net/tcp_states.h


def listening_ports(table: bytes, addresses: Collection[str]) -> set[int]:
    """Those at one of the addresses, which are written as in the table."""
    ports = set()
    for line in table.decode("ascii", "replace").splitlines():
        fields = line.split()
        if len(fields) > 3 and fields[3] == _LISTEN:
            address, _, port = fields[1].rpartition(":")
            if address in addresses and re.fullmatch("[0-9A-F]{4}", port):
                ports.add(int(port, 16))
    return ports
