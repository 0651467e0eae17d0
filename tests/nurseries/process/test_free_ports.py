"""Ports for daemons that tests, probes and benchmarks start."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from nurseries.process.free_ports import FIRST_PORT, HELD_PORTS, free_port

_ASK = f"""
import sys
from nurseries.process.free_ports import FreePorts
ports = FreePorts(5)
print(*[ports.take() for _ in range({HELD_PORTS})], flush=True)
sys.stdin.read()
"""


def test_a_port_is_below_those_that_the_kernel_lends() -> None:
    lent = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = [free_port() for _ in range(100)]
    assert all(FIRST_PORT <= port < lent for port in ports)
    # One is given again after all others only.
    assert len(set(ports)) == 100


def test_a_port_that_listens_is_given_to_nobody() -> None:
    following = free_port() + 1
    with socket.socket() as other:
        other.bind(("127.0.0.1", following))
        assert free_port() != following


def test_two_processes_that_ask_at_once_get_different_ones() -> None:
    """Both begin with the same port, and hold what they got."""
    asked = [
        subprocess.Popen(
            (sys.executable, "-c", _ASK), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    ports: list[str] = []
    for process in asked:
        assert process.stdout is not None
        ports += process.stdout.readline().split()
    for process in asked:
        process.communicate()
    assert len(set(ports)) == 2 * HELD_PORTS


def test_one_who_asks_often_keeps_few_descriptors() -> None:
    counts = set()
    for _ in range(3 * HELD_PORTS):
        free_port()
        counts.add(len(os.listdir("/proc/self/fd")))
    assert max(counts) - min(counts) < HELD_PORTS
