"""Daemons that tests of one file share: starting one costs a third of a second."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import DaemonProcess, run_demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """`mrk demo` on a printer that is ready, for all tests of a file."""
    folder: Path = tmp_path_factory.mktemp("demo")
    with run_demo(folder, speed=50.0) as daemon:
        yield daemon
