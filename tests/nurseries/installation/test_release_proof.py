"""A release that answers often enough in a row is kept; one that does not, is not."""

import contextlib

import pytest
import trio

from mrk.errors import MrkError
from nurseries.installation import release_proof
from nurseries.installation.release_proof import ANSWERS, prove
from nurseries.installation.releases import Releases


def pending(tmp_path):
    releases = Releases(tmp_path)
    for version in ("1", "2"):
        releases.folder(version).mkdir(parents=True)
        releases.complete(version)
        releases.switch(version)
    assert releases.is_pending
    return releases


async def test_kept(tmp_path, monkeypatch):
    releases, asked = pending(tmp_path), []

    def ask(_socket, method):
        asked.append(method)
        if len(asked) == 3:
            raise MrkError("not now")

    monkeypatch.setattr(release_proof, "ask", ask)
    with trio.fail_after(30):
        await prove(releases, tmp_path / "socket", every_s=0.001)
    assert len(asked) == 3 + ANSWERS
    assert not releases.is_pending
    assert not (tmp_path / "back").exists()
    assert releases.previous() == "1"


async def test_not_kept(tmp_path, monkeypatch, nursery):
    releases, asked = pending(tmp_path), trio.Event()

    def ask(_socket, _method):
        if not asked.is_set():
            trio.from_thread.run_sync(asked.set)
        raise MrkError("no")

    monkeypatch.setattr(release_proof, "ask", ask)
    await nursery.start(lambda task_status: prove(
        releases, tmp_path / "socket", every_s=0.001, task_status=task_status))  # fmt: skip
    with trio.fail_after(30):
        await asked.wait()
    assert releases.is_pending


@pytest.mark.parametrize("is_built", [True, False])
async def test_a_release_that_is_being_built_is_not_tidied_away(tmp_path, monkeypatch, is_built):
    releases = pending(tmp_path)
    building = releases.folder("3")
    building.mkdir()
    monkeypatch.setattr(release_proof, "ask", lambda _socket, _method: None)
    with trio.fail_after(30), releases.alone() if is_built else contextlib.nullcontext():
        await prove(releases, tmp_path / "socket", every_s=0.001)
    assert not releases.is_pending
    assert building.exists() == is_built
