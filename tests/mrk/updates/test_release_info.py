"""What `release_info.json` may say: names of one line, and a file of the folder itself."""

import json

import pytest

from mrk.updates.release_info import from_manifest, read_info

INFO = {"project_name": "mainsail", "project_owner": "mainsail-crew", "version": "v2.12.0"}


def test_read() -> None:
    found = read_info(json.dumps({**INFO, "asset_name": "mainsail.zip"}).encode())
    assert found is not None
    assert (found.repo, found.version) == ("mainsail-crew/mainsail", "v2.12.0")
    assert found.asset_name == "mainsail.zip"


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": ""},
        {"version": "v1\n[authorization]"},
        {"version": "v1\x1b[2J"},
        {"project_name": "a" * 201},
        {"project_owner": "o\x00"},
        {"asset_name": "../mainsail.zip"},
        {"asset_name": "/bin/sh"},
        {"asset_name": ".."},
        {"asset_name": "a\nb"},
    ],
)
def test_names_that_are_none(wrong: dict[str, str]) -> None:
    assert read_info(json.dumps({**INFO, **wrong}).encode()) is None


@pytest.mark.parametrize("names", [{"project_owner": "a/b"}, {"project_name": "my front end"}])
def test_what_no_repository_is_called(names: dict[str, str]) -> None:
    found = read_info(json.dumps({**INFO, **names}).encode())
    assert found is not None
    assert found.repo is None


def test_a_version_beside_a_manifest_is_one_line() -> None:
    manifest = b'{"name": "Mainsail"}'
    assert from_manifest("v1\n", manifest) is not None
    assert from_manifest("v1\nv2", manifest) is None
