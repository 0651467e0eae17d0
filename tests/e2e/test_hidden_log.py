"""A secret in a place where log lines have to name what they are about."""

import json
import secrets

import pytest

from tests.e2e.processes import configure, started
from tests.secrets_watch import planted

pytestmark = pytest.mark.e2e


def test_a_secret_in_a_path_that_is_logged(tmp_path):
    token = planted(f"planted-path-{secrets.token_hex(8)}")
    (tmp_path / "moonraker.secrets").write_text(json.dumps({"a": {"token": token}}))
    port = configure(tmp_path)
    main = tmp_path / "config" / "moonraker.conf"
    address = "klippy_uds_address: {data_path}/comms/klippy.sock"
    text = main.read_text().replace(address, "klippy_uds_address: /tmp/{secrets.a.token}")
    main.write_text(text)
    with started(["-d", str(tmp_path), "--verbose"], tmp_path, port) as daemon:
        daemon.process.end()
        assert token not in daemon.process.said()
        assert "/tmp/<hidden>" in daemon.process.said()
