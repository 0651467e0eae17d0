"""Packages of the operating system: PackageKit on a private bus, apt by a script on PATH."""

import stat
from functools import partial

import pytest
import trio

from mrk.errors import ClientError
from mrk.machine.host_access import RootCommand
from mrk.updates.update_errors import UpdateFailed
from nurseries.services.bus import open_bus
from nurseries.update_manager.apt import Apt
from nurseries.update_manager.child import ChildRunner
from nurseries.update_manager.packagekit import PackageKit
from nurseries.update_manager.system_item import SystemItem, SystemPackageManager
from tests.fakes.packagekit import FakePackageKit
from tests.fakes.systemd import PrivateBus
from tests.nurseries.update_manager.house import UpdateHouse, running

pytestmark = pytest.mark.e2e


@pytest.fixture
def bus(tmp_path):
    bus = PrivateBus(tmp_path)
    bus.start()
    yield bus
    bus.kill()


@pytest.fixture
async def daemon(bus):
    fake = FakePackageKit({"a": "1", "b": "1"}, {"a": "2", "b": "1", "new": "5"})
    async with fake.on(bus.address):
        yield fake


@pytest.fixture
def packagekit(bus):
    return PackageKit(partial(open_bus, bus.address), silence_s=1.0)


class Root:
    """`RootCommands` of a user whose sudo needs no password, or has the wrong one."""

    def __init__(self):
        self.needed = None

    def as_root(self, argv):
        return RootCommand(("env", "SUDO=1", *argv))

    def password_needed(self, said, doing):
        return self.needed if "sudo:" in said else None


SCRIPT = """\
#!/bin/sh
echo "$(basename $0) $*" >> {folder}/log
case "$(basename $0) $*" in
  "apt list --upgradable") echo "Listing..."; echo; cat {folder}/updates;;
  apt-cache*) echo "new - a package"; echo "newer - another";;
  *update) cat {folder}/fail-update 2>/dev/null && exit 100; echo "Hit:1 http://x";;
  *"upgrade --yes") [ "$SUDO" = 1 ] || exit 1
    if [ -f {folder}/fail ]; then cat {folder}/fail >&2; rm {folder}/fail; exit 100; fi
    echo "Setting up a (2)"; : > {folder}/updates;;
  *"install --yes new") [ "$DEBIAN_FRONTEND" = noninteractive ] || exit 1; echo "Setting up new";;
  "dpkg --configure -a") echo "configured";;
  *) echo "what is $*" >&2; exit 3;;
esac
"""


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "updates").write_text("a/stable 2 arm64 [upgradable from: 1]\nlibb/stable 3 all\n")
    for name in ("apt", "apt-get", "apt-cache", "dpkg"):
        (folder / name).write_text(SCRIPT.format(folder=folder))
        (folder / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


@pytest.fixture
def root():
    return Root()


@pytest.fixture
def apt(scripts, root):
    return Apt(ChildRunner(niceness=0), root, between_s=0.01)


def house_of(tmp_path, *candidates):
    house = UpdateHouse(tmp_path, "http://127.0.0.1:9")
    manager = SystemPackageManager(candidates)
    house.built_in = {"system": SystemItem(manager)}
    return house, manager


async def test_packagekit(tmp_path, daemon, packagekit):
    house, _ = house_of(tmp_path, packagekit)
    async with running(house):
        found = (await house.call("status"))["version_info"]["system"]
        assert found == {
            "name": "system",
            "configured_type": "system",
            "package_count": 1,
            "package_list": ["a"],
        }
        assert await house.call("system") == "ok"
        assert daemon.installed["a"] == "2"
        assert (await house.call("status"))["version_info"]["system"]["package_count"] == 0
        told = house.told()
        assert "downloading packages (40 %)" in told
        assert "a (2)" in told
        assert told[-1] == "PackageKit: Update Finished..."
        assert await house.call("system") == "ok"
        assert daemon.done.count("UpdatePackages") == 1


async def test_packagekit_installs_what_is_missing(daemon, packagekit):
    told = []
    await packagekit.install(("a", "new"), told.append)
    assert daemon.installed["new"] == "5"
    await packagekit.install(("a",), told.append)
    assert "installed already" in told[-1]
    assert daemon.done.count("InstallPackages") == 1


async def test_packagekit_says_what_went_wrong(tmp_path, daemon, packagekit):
    daemon.failing["UpdatePackages"] = "no space left"
    house, _ = house_of(tmp_path, packagekit)
    async with running(house):
        with pytest.raises(ClientError, match="no space left") as caught:
            await house.call("upgrade", name="system")
        assert caught.value.status == 500
        assert "no space left" in house.told()[-2]


async def test_a_silent_transaction_is_cancelled(daemon, packagekit):
    daemon.silent.add("GetUpdates")
    with pytest.raises(UpdateFailed, match="silent for 1 s"):
        await packagekit.updates()
    assert daemon.done[-1] == "Cancel"


async def test_a_bus_that_is_lost_ends_it(bus, daemon, packagekit):
    daemon.silent.add("GetUpdates")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_kill_when_asked, bus, daemon)
        with pytest.raises(UpdateFailed, match=r"lost|closed"):
            await packagekit.updates()


async def _kill_when_asked(bus, daemon):
    while "GetUpdates" not in daemon.done:  # noqa: ASYNC110
        await trio.sleep(0.01)
    bus.kill()


async def test_where_polkit_refuses_apt_is_used(tmp_path, daemon, packagekit, apt, scripts):
    daemon.allowed = False
    house, manager = house_of(tmp_path, packagekit, apt)
    async with running(house):
        found = (await house.call("status"))["version_info"]["system"]
        assert found["package_list"] == ["a", "libb"]
        assert manager.prefix == "Package Manager APT"
        assert manager.warning is None
    assert "apt-get -o DPkg::Lock::Timeout=300 update" in (scripts / "log").read_text()


async def test_no_bus_and_no_apt(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    absent = PackageKit(partial(open_bus, f"unix:path={tmp_path}/none"))
    house, manager = house_of(tmp_path, absent, Apt(ChildRunner(niceness=0), Root()))
    async with running(house):
        assert (await house.call("status"))["version_info"]["system"]["package_count"] == 0
        assert "no system bus" in manager.warning
        assert "apt-get is not installed" in manager.warning
        with pytest.raises(ClientError, match="cannot be updated"):
            await house.call("system")


async def test_a_bus_without_packagekit(bus, packagekit):
    assert await packagekit.absence() == "PackageKit is not installed"


async def test_apt(tmp_path, apt, scripts):
    house, _ = house_of(tmp_path, apt)
    async with running(house):
        assert await house.call("system") == "ok"
        assert "Setting up a (2)" in house.told()
        assert house.told()[-1] == "Package Manager APT: Update Finished..."
        assert (await house.call("status"))["version_info"]["system"]["package_count"] == 0


async def test_lists_that_cannot_be_renewed_stay(tmp_path, apt, scripts):
    (scripts / "fail-update").write_text("no network")
    house, _ = house_of(tmp_path, apt)
    async with running(house):
        assert (await house.call("status"))["version_info"]["system"]["package_count"] == 2


async def test_an_interrupted_dpkg_is_brought_to_its_end(tmp_path, apt, scripts):
    (scripts / "fail").write_text("E: dpkg was interrupted, you must manually run ...\n")
    house, _ = house_of(tmp_path, apt)
    async with running(house):
        assert await house.call("system") == "ok"
    assert "dpkg --configure -a" in (scripts / "log").read_text()


async def test_a_password_is_asked_for(tmp_path, apt, scripts, root):
    root.needed = "Give it with machine.sudo.password"
    (scripts / "fail").write_text("sudo: a password is required\n")
    house, _ = house_of(tmp_path, apt)
    async with running(house):
        with pytest.raises(ClientError, match=r"machine\.sudo\.password"):
            await house.call("system")


async def test_apt_installs_what_it_knows(apt, scripts):
    told = []
    await apt.install(("new", "unknown"), told.append)
    assert "Not known here, and left out: unknown" in told
    assert "Setting up new" in told
    assert "^new$|^unknown$" in (scripts / "log").read_text()


async def test_a_command_that_fails_three_times(apt, scripts):
    with pytest.raises(UpdateFailed, match=r"what is .*newer"):
        await apt.install(("newer",), lambda _text: None)
    assert (scripts / "log").read_text().count("install --yes newer") == 3
