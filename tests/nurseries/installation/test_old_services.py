"""Which units run Moonraker, and what is said when none does."""

from pathlib import Path

import pytest

from mrk.errors import MrkError
from nurseries.installation.old_services import choose, find_old_services
from nurseries.installation.target_system import TargetSystem

START = "ExecStart=/home/pi/moonraker-env/bin/python -m moonraker -d /home/pi/printer_data\n"


@pytest.fixture
def host(tmp_path: Path) -> TargetSystem:
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    (tmp_path / "etc/passwd").write_text("pi:x:1000:1000::/home/pi:/bin/sh\n")
    return TargetSystem(tmp_path)


def unit(host: TargetSystem, name: str, text: str) -> None:
    host.at(f"/etc/systemd/system/{name}.service").write_text(f"[Service]\n{text}")


def test_a_user_by_number(host: TargetSystem) -> None:
    unit(host, "moonraker", f"User=1000\n{START}")
    (found,) = find_old_services(host)
    assert (found.user, found.arguments) == ("pi", ("-d", "/home/pi/printer_data"))


def test_a_template_is_no_unit(host: TargetSystem) -> None:
    unit(host, "moonraker@", f"User=pi\n{START}")
    assert find_old_services(host) == []


def test_one_that_is_not_understood_is_named(host: TargetSystem) -> None:
    with pytest.raises(MrkError, match=r"^no unit in /etc/systemd/system or [^:]* runs Moonraker$"):
        choose(host, None)
    unit(host, "moonraker-obico", "User=%i\nExecStart=/home/pi/moonraker-obico/run -c %t/x\n")
    unit(host, "moonraker-2", "User=pi\nExecStart=/home/pi/start_printer.sh\n")
    told = r"runs Moonraker: what /etc/systemd/system/moonraker-2\.service starts is not understood"
    with pytest.raises(MrkError, match=told):
        choose(host, None)
