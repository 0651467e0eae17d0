"""Python environments: packages of their own, and what clones and zips need."""

import shutil

import msgspec
import pytest

from config.settings.update_items import DependencySettings, UpdateChoices, UpdateItemSettings
from mrk.errors import ClientError
from mrk.updates.python_package import InstalledPackage, PackageFacts, facts_of
from tests.fakes.git_repos import ENVIRONMENT, GitServer, git
from tests.fakes.github import open_github
from tests.fakes.wheels import environment, index, pip, said, wheel
from tests.nurseries.update_manager.house import UpdateHouse, running

pytestmark = pytest.mark.e2e
NO_GITHUB = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    path = environment(folder / "env")
    wheel(folder, "thing", "1.0.0")
    pip(path, folder, "install", "thing")
    return path


@pytest.fixture
def wheels(tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel(folder, "thing", "1.0.0")
    return folder


@pytest.fixture
def env(tmp_path, plain, wheels):
    path = tmp_path / "env"
    shutil.copytree(plain, path, symlinks=True)
    for script in (path / "bin").iterdir():
        if not script.is_symlink():
            script.write_text(script.read_text().replace(str(plain), str(path)))
    return path


def package(env, wheels, **choices):
    return UpdateItemSettings(
        name="thing",
        type="python",
        project="thing",
        choices=UpdateChoices(**choices),
        services=("thing",),
        dependencies=DependencySettings(virtualenv=env, pip_environment=index(wheels)),
    )


@pytest.fixture
def house(tmp_path, env, wheels):
    return UpdateHouse(tmp_path, NO_GITHUB, package(env, wheels))


async def fails(house, method="upgrade"):
    with pytest.raises(ClientError) as caught:
        await house.call(method, name="thing")
    return caught.value.status, str(caught.value)


def is_clean(tmp_path):
    return not list(tmp_path.glob(".env*"))


async def test_a_package_from_an_index_and_back(house, env, wheels, tmp_path):
    wheel(wheels, "helper", "3.0")
    info = {"git_version": "v1.1.0", "system_dependencies": {"debian": ["iw"], "ubuntu": ["iw"]}}
    wheel(wheels, "thing", "1.1.0", requires=("helper",), release_info=info)
    wheel(wheels, "thing", "1.2.0b1")
    house.packages = Packages()
    async with running(house):
        found = await house.item("thing")
        assert (found["version"], found["remote_version"]) == ("v1.0.0", "v1.1.0")
        assert (found["current_hash"], found["remote_hash"]) == (
            "not-specified",
            "update-available",
        )
        assert (found["owner"], found["repo_name"]) == ("owner", "thing")
        assert found["changelog_url"] == "https://example.org/changes"
        assert (found["is_valid"], found["warnings"], found["branch"]) == (True, [], None)
        assert await house.call("upgrade", name="thing") == "ok"
        assert said(env, "thing") == "1.1.0"
        assert said(env, "helper") == "3.0"
        assert house.packages.asked == [("iw",)]
        assert str(env / "bin" / "python") in (env / "bin" / "thing").read_text()
        found = (await house.call("status"))["version_info"]["thing"]
        assert (found["version"], found["rollback_version"]) == ("v1.1.0", "v1.0.0")
        assert found["remote_hash"] == found["current_hash"]
        assert await house.call("rollback", name="thing") == "ok"
        assert said(env, "thing") == "1.0.0"
        assert await house.call("rollback", name="thing") == "ok"
    assert is_clean(tmp_path)


class Packages:
    def __init__(self):
        self.asked = []

    async def install(self, names, tell):
        self.asked.append(names)


async def test_what_was_installed_by_hand_is_seen_at_the_start(house, env, wheels):
    wheel(wheels, "thing", "1.1.0")
    async with running(house):
        assert (await house.item("thing"))["remote_hash"] == "update-available"
    pip(env, wheels, "install", "-U", "thing")
    async with running(house):
        found = (await house.call("status"))["version_info"]["thing"]
        assert (found["version"], found["remote_version"]) == ("v1.1.0", "v1.1.0")
        assert found["remote_hash"] == found["current_hash"]


async def test_a_beta_channel_takes_betas(house, env, wheels):
    wheel(wheels, "thing", "1.2.0b1")
    house.settings = msgspec.structs.replace(
        house.settings, items=(package(env, wheels, channel="beta"),)
    )
    async with running(house):
        assert (await house.item("thing"))["remote_version"] == "v1.2.0b1"


async def test_what_fails_changes_nothing(house, env, wheels, tmp_path):
    wheel(wheels, "thing", "1.1.0", requires=("nowhere",))
    async with running(house):
        status, text = await fails(house)
        assert status == 500
        assert "pip kept 1.0.0" in text
        assert is_clean(tmp_path)
        wheel(wheels, "thing", "1.1.0")
        house.services.breaks = lambda unit: said(env, "thing") == "1.1.0"
        assert "put back" in (await fails(house))[1]
    assert said(env, "thing") == "1.0.0"
    assert is_clean(tmp_path)


async def test_an_environment_that_is_none(house, env):
    (env / "bin" / "python").unlink()
    async with running(house):
        found = await house.item("thing")
        assert "has no bin/python" in found["warnings"][0]
        assert (await fails(house))[0] == 400


async def test_a_package_that_is_not_there(house, env, wheels):
    pip(env, wheels, "uninstall", "-y", "thing")
    async with running(house):
        assert "is not installed" in (await house.item("thing"))["warnings"][0]


async def test_packages_from_github(tmp_path, env, wheels):
    info = next(env.glob("lib/python3*/site-packages/thing-*.dist-info"))
    url = '{"url": "https://github.com/owner/thing.git", "vcs_info": {"vcs": "git",'
    (info / "direct_url.json").write_text(f'{url} "commit_id": "{"1" * 40}"}}}}')
    async with open_github() as github:
        github.publish("owner/thing", "A name", b"", tag="v1.1.0")
        github.commits["owner/thing@main"] = "2" * 40
        stable = UpdateHouse(tmp_path, github.url, package(env, wheels))
        async with running(stable):
            found = await stable.item("thing")
            assert (found["remote_version"], found["remote_hash"]) == (
                "v1.1.0",
                "update-available",
            )
            assert found["current_hash"] == "1" * 40
        dev = UpdateHouse(tmp_path, github.url, package(env, wheels, channel="dev"))
        async with running(dev):
            assert (await dev.item("thing"))["remote_hash"] == "2" * 40


def test_a_package_from_a_folder_is_not_updated():
    found = facts_of(
        InstalledPackage("1.0", '{"url": "file:///x", "dir_info": {}}'), PackageFacts()
    )
    assert found.problem == "The package was installed neither from an index nor from GitHub"


# What other items need


@pytest.fixture
def server(tmp_path, monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "server").mkdir()
    return GitServer(tmp_path / "server")


@pytest.fixture
def clone_house(tmp_path, env, wheels, server):
    clone = server.clone(tmp_path / "thing")
    needs = DependencySettings(
        virtualenv=env, pip_environment=index(wheels), requirements="scripts/req.txt"
    )
    item = UpdateItemSettings(
        name="thing",
        type="git_repo",
        path=clone,
        origin=server.url,
        primary_branch="master",
        services=("thing",),
        dependencies=needs,
    )
    return UpdateHouse(tmp_path, NO_GITHUB, item)


async def test_requirements_are_there_before_the_files(clone_house, server, env, wheels, tmp_path):
    wheel(wheels, "helper", "3.0")
    files = {"scripts/req.txt": "# all\n-r more.txt\nthing\n", "scripts/more.txt": "helper>=2\n"}
    newest = server.commit("second", files)
    async with running(clone_house) as house:
        await house.call("upgrade", name="thing")
        assert said(env, "helper") == "3.0"
        assert git(tmp_path / "thing", "rev-parse", "HEAD") == newest
        (env / "bin" / "helper").unlink()
        await house.call("recover", name="thing", update_deps=True)
    assert said(env, "helper") == "3.0"
    assert is_clean(tmp_path)
    assert not (tmp_path / "thing" / ".git" / "mrk-needs").exists()


async def test_requirements_that_fail_leave_the_files(clone_house, server, env, tmp_path):
    server.commit("second", {"scripts/req.txt": "nowhere\n"})
    async with running(clone_house) as house:
        assert "pip install failed" in (await fails(house))[1]
    assert git(tmp_path / "thing", "rev-parse", "HEAD") == server.first
    assert said(env, "thing") == "1.0.0"
    assert is_clean(tmp_path)


async def test_a_service_that_needs_more_gets_both_back(clone_house, server, env, wheels, tmp_path):
    wheel(wheels, "helper", "3.0")
    server.commit("second", {"scripts/req.txt": "helper\n", "a.py": "two\n"})
    house = clone_house
    house.services.breaks = lambda unit: (env / "bin" / "helper").exists()
    async with running(house):
        assert "put back" in (await fails(house))[1]
    assert not (env / "bin" / "helper").exists()
    assert (tmp_path / "thing" / "a.py").read_text() == "one\n"
    assert is_clean(tmp_path)
