"""What is told of installed front ends, and what GitHub says about newer ones."""

import json

import pytest

from config.settings.update_items import UpdateChoices, UpdateItemSettings
from mrk.http.conditional import http_date
from tests.fakes.git_repos import git
from tests.fakes.github import open_github
from tests.fakes.web_server import response
from tests.nurseries.update_manager.house import UpdateHouse, running

pytestmark = pytest.mark.e2e
INFO = {"project_name": "thing", "project_owner": "owner", "version": "v1.0.0"}


@pytest.fixture
async def github():
    async with open_github() as server:
        yield server


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "home" / "thing"
    path.mkdir(parents=True)
    (path / "release_info.json").write_text(json.dumps(INFO))
    return path


def item(path, kind="web", **choices):
    return UpdateItemSettings(
        name="thing",
        type=kind,
        path=path,
        repo=("owner", "thing"),
        choices=UpdateChoices(**choices),
    )


async def look(tmp_path, github, settings):
    async with running(UpdateHouse(tmp_path, github.url, settings)) as house:
        return await house.item("thing")


async def test_a_newer_release(tmp_path, github, folder):
    github.publish("owner/thing", "v1.1.0", b"zip")
    github.publish("owner/thing", "v1.2.0-beta1", b"zip", prerelease=True)
    found = await look(tmp_path, github, item(folder))
    assert (found["version"], found["remote_version"]) == ("v1.0.0", "v1.1.0")
    assert (found["is_valid"], found["warnings"], found["last_error"]) == (True, [], "")
    assert (found["configured_type"], found["owner"], found["repo_name"]) == (
        "web",
        "owner",
        "thing",
    )
    beta = await look(tmp_path, github, item(folder, channel="beta"))
    assert beta["remote_version"] == "v1.2.0-beta1"


async def test_the_name_is_the_version(tmp_path, github, folder):
    github.publish("owner/thing", "v1.1.0", b"zip", tag="release-17")
    assert (await look(tmp_path, github, item(folder)))["remote_version"] == "v1.1.0"


@pytest.mark.parametrize("name", ["Mainsail", "fluidd"])
async def test_a_front_end_without_the_file(tmp_path, github, folder, name):
    (folder / "release_info.json").unlink()
    (folder / ".version").write_text("v2.0.0\n")
    (folder / "site.webmanifest").write_text(json.dumps({"name": name}))
    found = await look(tmp_path, github, item(folder))
    assert (found["version"], found["is_valid"]) == ("v2.0.0", True)
    assert found["repo_name"] == name.lower()
    assert found["anomalies"][0].startswith("Unofficial repo")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"version": 5}',
        '{"project_name": "", "project_owner": "a"}',
        b'{"project_name": "caf\xe9"}',
        b'{"more": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
    ids=range(6),
)
async def test_a_file_that_says_nothing(tmp_path, github, folder, content):
    (folder / "release_info.json").write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )
    found = await look(tmp_path, github, item(folder))
    assert (found["is_valid"], found["version"]) == (False, "?")
    assert found["warnings"][0].startswith("Failed to validate installation")


async def test_a_folder_that_is_not_there(tmp_path, github, folder):
    found = await look(tmp_path, github, item(folder / "no"))
    assert "is not a folder" in found["warnings"][0]


async def test_a_folder_in_a_clone_is_none_of_ours(tmp_path, github, folder):
    git(folder.parent, "init", "-q")
    found = await look(tmp_path, github, item(folder))
    assert "lies in the git repository" in found["warnings"][0]


async def test_an_executable_needs_its_asset(tmp_path, github, folder):
    found = await look(tmp_path, github, item(folder, "executable"))
    assert "asset_name" in found["warnings"][0]
    (folder / "release_info.json").write_text(json.dumps({**INFO, "asset_name": "tool"}))
    (folder / "tool").write_bytes(b"x")
    assert (await look(tmp_path, github, item(folder, "executable")))["is_valid"]


async def test_an_unchanged_answer_costs_no_request(tmp_path, github, folder):
    github.publish("owner/thing", "v1.1.0", b"zip")
    async with running(UpdateHouse(tmp_path, github.url, item(folder))) as house:
        first = await house.call("refresh")
        second = await house.call("refresh")
    assert github.not_modified == 2
    assert first["github_requests_remaining"] == second["github_requests_remaining"] == 59
    assert (second["github_rate_limit"], second["github_limit_reset_time"]) == (60, 2_000_000_000.0)
    assert second["version_info"]["thing"]["remote_version"] == "v1.1.0"


async def test_the_hours_requests_are_used_up(tmp_path, github, folder):
    github.publish("owner/thing", "v1.1.0", b"zip")
    github.left = 0
    async with running(UpdateHouse(tmp_path, github.url, item(folder))) as house:
        found = await house.item("thing")
        assert "GitHub Rate Limit Reached: all 60 requests" in found["last_error"]
        assert found["is_valid"]
        asked = len(github.asked)
        await house.item("thing")
        assert len(github.asked) == asked  # nothing is asked before the reset
        house.now, github.left = 2_000_000_001.0, 5
        assert (await house.item("thing"))["remote_version"] == "v1.1.0"


@pytest.mark.parametrize("behind_s", [-20 * 86400.0, 20 * 86400.0])
async def test_the_limit_is_told_in_githubs_own_clock(tmp_path, github, folder, behind_s):
    github.publish("owner/thing", "v1.1.0", b"zip")
    github.left = 0
    github.date = http_date(github.reset - 600)
    async with running(UpdateHouse(tmp_path, github.url, item(folder))) as house:
        house.now = github.reset - behind_s
        assert "in 10 min there are new ones" in (await house.item("thing"))["last_error"]
        asked = len(github.asked)
        await house.item("thing")
        assert len(github.asked) == asked


async def test_a_clock_that_is_behind_does_not_wait_for_days(tmp_path, github, folder):
    github.publish("owner/thing", "v1.1.0", b"zip")
    github.left = 0
    github.date = http_date(github.reset)
    async with running(UpdateHouse(tmp_path, github.url, item(folder))) as house:
        assert (await house.item("thing"))["last_error"]
        github.left = 5
        assert (await house.item("thing"))["remote_version"] == "v1.1.0"


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([response(b"", "404 Not Found")], "answered 404"),
        ([response(b"", "403 Forbidden")], "answered 403"),
        ([response(b"[]")], "cannot be read"),
        ([response(b"not json")], "cannot be read"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"] * 2, "could not be asked"),
        ([response(b"", "502 Bad Gateway")] * 2, "it answered 502"),
        ([response(b'"' + b"x" * 2_200_000 + b'"')], "larger than"),
    ],
)
async def test_answers_that_help_nobody(tmp_path, github, folder, answers, said):
    github.publish("owner/thing", "v1.1.0", b"zip")
    github.failing = list(answers)
    async with running(UpdateHouse(tmp_path, github.url, item(folder))) as house:
        # The first pass has met them.
        found = (await house.call("status"))["version_info"]["thing"]
        assert said in found["last_error"]
        assert found["remote_version"] == "?"
        assert found["is_valid"]
        assert (await house.item("thing"))["remote_version"] == "v1.1.0"


async def test_one_bad_answer_is_asked_again(tmp_path, github, folder):
    github.publish("owner/thing", "v1.1.0", b"zip")
    github.failing = [response(b"", "500 Oops")]
    found = await look(tmp_path, github, item(folder))
    assert (found["remote_version"], found["last_error"]) == ("v1.1.0", "")
