"""kill -9 at twenty points of every kind of update: afterwards old or new, never neither.

Each update runs in a fork that kills itself before its n-th change of the file system or start of
a program; then a new manager puts right what is left, and a further update succeeds.
"""

import json
import os
import shutil
import signal
import sys
from functools import partial

import msgspec
import pytest
import trio

from config.settings.update_items import DependencySettings, UpdateItemSettings
from mrk.errors import ClientError
from tests.fakes.git_repos import ENVIRONMENT, GitServer, git
from tests.fakes.github import open_github
from tests.nurseries.update_manager.house import UpdateHouse, running
from tests.nurseries.update_manager.test_release_update import archive, info

pytestmark = pytest.mark.e2e
POINTS = 20
_PATIENCE_S = 60
_WATCHED = (
    "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.chmod", "subprocess.Popen",
    "shutil.copyfile", "shutil.rmtree", "ctypes.dlsym",
)  # fmt: skip


class Kind:
    """One kind of item in `folder`: how it is made, and what it is now."""

    def __init__(self, folder):
        self.folder = folder
        self.thing = folder / "home" / "thing"

    def prepare(self):
        self.thing.mkdir(parents=True)
        (self.thing / "release_info.json").write_text(info("v1.0.0"))
        (self.thing / "index.html").write_text("v1.0.0")
        (self.thing / "config.json").write_text("mine")

    def settings(self):
        return UpdateItemSettings(
            name="thing",
            type="web",
            path=self.thing,
            repo=("owner", "thing"),
            persistent_files=("config.json",),
        )

    def publish(self, github):
        files = {f"js/{n}.js": "x" * 2000 for n in range(8)}
        github.publish("owner/thing", "v1.1.0", archive(files=files))

    def state(self):
        """`old` or `new`; fails for anything else."""
        version = json.loads((self.thing / "release_info.json").read_text())["version"]
        assert (self.thing / "index.html").read_text() == version
        assert (self.thing / "config.json").read_text() == "mine"
        scripts = len(list(self.thing.glob("js/*.js")))
        assert scripts == (8 if version == "v1.1.0" else 0)
        return "new" if version == "v1.1.0" else "old"

    def is_clean(self):
        return [path.name for path in self.thing.parent.iterdir()] == ["thing"]


class Executable(Kind):
    def prepare(self):
        super().prepare()
        (self.thing / "release_info.json").write_text(info("v1.0.0", asset_name="tool"))
        (self.thing / "tool").write_text("v1.0.0")

    def settings(self):
        item = super().settings()
        return msgspec.structs.replace(item, type="executable", persistent_files=())

    def publish(self, github):
        github.publish("owner/thing", "v1.1.0", b"v1.1.0", asset="tool")

    def state(self):
        version = json.loads((self.thing / "release_info.json").read_text())["version"]
        assert (self.thing / "tool").read_text() == version
        return "new" if version == "v1.1.0" else "old"

    def is_clean(self):
        return not [path for path in self.thing.iterdir() if path.name.startswith(".")]


class Clone(Kind):
    """Its server is beside, and the same for all points."""

    server: GitServer

    def prepare(self):
        self.thing.parent.mkdir()
        shutil.copytree(self.server.bare.parents[1] / "clone", self.thing, symlinks=True)
        (self.thing / "local.cfg").write_text("mine")

    def settings(self):
        return UpdateItemSettings(
            name="thing",
            type="git_repo",
            path=self.thing,
            origin=self.server.url,
            primary_branch="master",
        )

    def publish(self, github): ...

    def state(self):
        assert git(self.thing, "status", "--porcelain") == "?? local.cfg"
        assert git(self.thing, "rev-parse", "--abbrev-ref", "HEAD") == "master"
        git(self.thing, "fsck", "--full")
        assert (self.thing / "local.cfg").read_text() == "mine"
        commit = git(self.thing, "rev-parse", "HEAD")
        if commit == self.server.first:
            assert not (self.thing / "b").exists()
            return "old"
        assert len(list((self.thing / "b").iterdir())) == 5
        return "new"

    def is_clean(self):
        left = [*(self.thing / ".git").glob("*.lock"), *(self.thing / ".git").glob("mrk-*")]
        return not left and [path.name for path in self.thing.parent.iterdir()] == ["thing"]


PYTHON = """\
#!/bin/sh
site=$(dirname $0)/../lib/python3.11/site-packages
case "$*" in
  *--dry-run*) echo '{"install": [{"metadata": {"name": "thing", "version": "1.1.0"}}]}';;
  *install*)
    rm -r $site/thing-1.0.0.dist-info; mkdir $site/thing-1.1.0.dist-info
    printf 'Name: thing\\nVersion: 1.1.0\\n' > $site/thing-1.1.0.dist-info/METADATA
    echo "#!$(dirname $0)/python 1.1.0" > $(dirname $0)/thing;;
esac
"""


class Package(Kind):
    """An environment whose Python does what pip would do, in no time."""

    def prepare(self):
        site = self.thing / "lib" / "python3.11" / "site-packages" / "thing-1.0.0.dist-info"
        site.mkdir(parents=True)
        (site / "METADATA").write_text("Name: thing\nVersion: 1.0.0\n")
        (self.thing / "bin").mkdir()
        (self.thing / "pyvenv.cfg").write_text("")
        (self.thing / "bin" / "python").write_text(PYTHON)
        (self.thing / "bin" / "python").chmod(0o755)
        (self.thing / "bin" / "thing").write_text(f"#!{self.thing}/bin/python 1.0.0\n")

    def settings(self):
        return UpdateItemSettings(
            name="thing",
            type="python",
            project="thing",
            dependencies=DependencySettings(virtualenv=self.thing),
        )

    def publish(self, github): ...

    def state(self):
        (found,) = self.thing.glob("lib/python3.11/site-packages/*.dist-info")
        version = found.name.removeprefix("thing-").removesuffix(".dist-info")
        script = (self.thing / "bin" / "thing").read_text()
        assert script == f"#!{self.thing}/bin/python {version}\n"
        return {"1.0.0": "old", "1.1.0": "new"}[version]


async def _update(kind, folder):
    async with open_github() as github:
        kind.publish(github)
        house = UpdateHouse(folder, github.url, kind.settings())
        async with running(house):
            await house.call("upgrade", name="thing")


async def _come_back(kind, folder):
    """As a new start of the daemon; what was found, and the state after a further update."""
    async with open_github() as github:
        kind.publish(github)
        house = UpdateHouse(folder, github.url, kind.settings())
        async with running(house):
            found = kind.state()
            assert kind.is_clean()
            status = (await house.call("refresh", name="thing"))["version_info"]["thing"]
            assert status["is_valid"], status
            await house.call("upgrade", name="thing")
            assert kind.state() == "new"
            assert kind.is_clean()
    return found


def _in_fork(run, point, counted):
    """Run to the end, or to the kill before the event of that number."""
    pid = os.fork()
    if pid == 0:
        seen = 0

        def hook(event, arguments):
            nonlocal seen
            if event in _WATCHED:
                seen += 1
                if seen == point:
                    os.kill(os.getpid(), signal.SIGKILL)

        code = 1
        try:
            sys.addaudithook(hook)
            trio.run(run)
            counted.write_text(str(seen))
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return status


def _outcomes(make, points):
    """What was found after a kill at each of some points, spread over the whole update."""
    counted = make("count").folder / "count"
    kind = make("whole")
    kind.prepare()
    assert _in_fork(partial(_update, kind, kind.folder), None, counted) == 0
    assert kind.state() == "new"
    events = int(counted.read_text())
    found = []
    for number in range(points):
        point = 1 + number * (events - 1) // (points - 1)
        kind = make(str(number))
        kind.prepare()
        status = _in_fork(partial(_update, kind, kind.folder), point, counted)
        assert os.WIFSIGNALED(status), f"point {point} of {events} was not reached"
        found.append(trio.run(_come_back, kind, kind.folder))
    return found


def _maker(tmp_path, kind):
    def make(name):
        folder = tmp_path / name
        folder.mkdir()
        return kind(folder)

    return make


@pytest.mark.parametrize("kind", [Kind, Executable], ids=["web", "executable"])
def test_releases(tmp_path, kind):
    found = _outcomes(_maker(tmp_path, kind), POINTS)
    assert found == sorted(found, reverse=True)  # old ones, then new ones
    assert set(found) == {"old", "new"}


def test_clones(tmp_path, monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "server").mkdir()
    server = Clone.server = GitServer(tmp_path / "server")
    server.clone(tmp_path / "server" / "clone")
    server.commit("second", {"a.py": "two\n", **{f"b/{n}.py": "x\n" * n for n in range(5)}})
    found = _outcomes(_maker(tmp_path, Clone), POINTS)
    assert set(found) == {"old", "new"}


def test_packages(tmp_path):
    found = _outcomes(_maker(tmp_path, Package), POINTS)
    assert set(found) == {"old", "new"}


async def test_a_manager_that_ends_says_so(tmp_path):
    """A shutdown in the middle of an update: the asker is told, and nothing is changed."""
    kind = Kind(tmp_path)
    kind.prepare()
    async with open_github() as github:
        begun = trio.Event()

        async def stall(stream):
            begun.set()
            await trio.sleep_forever()

        github.publish("owner/thing", "v1.1.0", stall)
        house = UpdateHouse(tmp_path, github.url, kind.settings())
        errors = []

        async def ask():
            with pytest.raises(ClientError) as caught:
                await house.call("upgrade", name="thing")
            errors.append(caught.value.status)

        async with trio.open_nursery() as nursery:
            async with running(house):
                nursery.start_soon(ask)
                with trio.fail_after(_PATIENCE_S):
                    await begun.wait()
                assert (await house.call("status"))["busy"]
            assert house.notes("notify_update_response")[-1]["complete"]
    assert errors == [503]
    assert kind.state() == "old"
    assert kind.is_clean()
