"""A daemon whose `host` comes later; `test_late_address.py` gives it a network of its own.

Run as `python -m tests.e2e.late_address FOLDER`.
"""

import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.e2e.processes import configure, started
from tests.e2e.wire import PATIENCE_S

HOST = "192.0.2.7"


def wait_until_served(url: str) -> int:
    limit = time.monotonic() + PATIENCE_S
    while True:
        try:
            return httpx.get(f"{url}/server/info", timeout=PATIENCE_S).status_code
        except httpx.TransportError:
            assert time.monotonic() < limit
            time.sleep(0.1)


def main(folder: Path) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    port = configure(folder, trusted="192.0.2.0/24")
    file = folder / "config" / "moonraker.conf"
    file.write_text(file.read_text().replace("host: 127.0.0.1", f"host: {HOST}"))
    with started(["-d", str(folder)], folder, port) as daemon, daemon.connect() as client:
        (warning,) = [text for text in client.call("server.info")["warnings"] if HOST in text]
        assert "not an address of this machine" in warning
        assert warning in daemon.process.said()
        client.call("server.restart")
    with started(["-d", str(folder)], folder, port) as daemon, daemon.connect() as client:
        subprocess.run(["ip", "address", "add", f"{HOST}/32", "dev", "lo"], check=True)
        assert wait_until_served(f"http://{HOST}:{port}") == 200
        assert not [text for text in client.call("server.info")["warnings"] if HOST in text]
        code, _took_s = daemon.process.end()
        assert code == 0
        assert f"listening on {HOST} port {port} now" in daemon.process.said()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    print("passed")
