"""Daemons that tests of one file share: starting one costs a third of a second."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import DaemonProcess, configure, run_demo, started


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """`mrk demo` on a printer that is ready, for all tests of a file."""
    folder: Path = tmp_path_factory.mktemp("demo")
    with run_demo(folder, speed=50.0) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def demo_with_cors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A demo whose configuration lets pages of http://*.example.org in."""
    folder: Path = tmp_path_factory.mktemp("cors")
    port = configure(folder)
    with started(["demo", "--data", str(folder), "--port", str(port)], folder, port) as daemon:
        daemon.wait_klippy()
        yield daemon
