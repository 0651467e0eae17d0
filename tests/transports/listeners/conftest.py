"""A certificate and its key, as a user puts them into the data folder."""

import subprocess
from pathlib import Path

import pytest

from transports.listeners.tls import Certificate


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    files = Certificate(tmp_path / "moonraker.cert", tmp_path / "moonraker.key")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(files.key), "-out", str(files.certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return files
