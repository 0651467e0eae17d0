"""One broker for the tests of a file: starting it costs some ms, and nothing is kept in it."""

import pytest

from tests.fakes.mosquitto import run_mosquitto


@pytest.fixture
def broker(tmp_path):
    with run_mosquitto(tmp_path / "broker") as broker:
        yield broker
