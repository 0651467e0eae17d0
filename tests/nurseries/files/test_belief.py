"""What a client believes from notifications alone, after storms of changes from all sides."""

import contextlib
import os
import random
import shutil

import pytest
import trio

from mrk.errors import ClientError
from tests.fakes.file_house import FileHouse, open_files

NAMES = [
    *("a", "b", "c.txt", "d.gcode", "a/a", "a/c.txt"),
    *("a/d.gcode", "b/a", "b/c.txt", "a/a/d.gcode"),
]


def on_disk(top):
    found = {}
    for folder, folders, files in os.walk(top):
        for name in folders:
            found[os.path.relpath(os.path.join(folder, name), top)] = "dir"
        for name in files:
            found[os.path.relpath(os.path.join(folder, name), top)] = "file"
    return found


def believe(entries, change):
    path, source = change["item"]["path"], change.get("source_item")
    if change["item"]["root"] != "gcodes":
        return
    if not change["action"].startswith(("create", "modify")):
        gone = source["path"] if source else path
        moved = {p: entries[p] for p in entries if p == gone or p.startswith(gone + "/")}
        for old in moved:
            del entries[old]
        if source:
            entries.update({path + old[len(gone) :]: kind for old, kind in moved.items()})
            entries[path] = "dir" if change["action"] == "move_dir" else "file"
        return
    entries[path] = "dir" if change["action"] == "create_dir" else "file"


def strike(top, chance):
    """One change by another program."""
    one, other = (top / name for name in chance.sample(NAMES, 2))
    with contextlib.suppress(OSError):
        match chance.randrange(7):
            case 0 | 1:
                one.write_text(str(chance.random()))
            case 2:
                one.mkdir()
            case 3:
                one.unlink()
            case 4:
                shutil.rmtree(one)
            case 5:
                one.rename(other)
            case 6:
                (one / "deep" / "er").mkdir(parents=True)
                (one / "deep" / "er" / "x.gcode").write_text("G28")


async def request(house: FileHouse, chance):
    one, other = (f"gcodes/{name}" for name in chance.sample(NAMES, 2))
    method, params = chance.choice(
        [
            ("move", {"source": one, "dest": other}),
            ("delete_directory", {"path": one, "force": True}),
            ("delete_file", {"path": one}),
            ("post_directory", {"path": one}),
            ("list", {}),
        ]
    )
    with contextlib.suppress(ClientError):
        await house.call(f"server.files.{method}", **params)


@pytest.mark.parametrize("seed", [1, 2, 3, 43])
async def test_storms(tmp_path, seed):
    chance = random.Random(seed)
    async with open_files(tmp_path / "data") as house:
        client = {}
        for _ in range(25):
            for _ in range(chance.randrange(6)):
                strike(house.gcodes, chance)
                if chance.random() < 0.3:
                    await trio.sleep(chance.choice([0, 0.001, 0.01]))
            if seed % 2:
                await request(house, chance)
            if chance.random() < 0.1:
                await trio.sleep(0.3)
        listed = await house.call("server.files.list")
        disk = on_disk(house.gcodes)
        files = {path for path, kind in disk.items() if kind == "file"}
        assert {e["path"] for e in listed} == {p for p in files if p.endswith(".gcode")}
        # Departures are told after a second, files after their scan; a busy machine takes longer.
        with trio.move_on_after(15):
            while client != disk:
                for change in await house.heard(1):
                    believe(client, change)
        assert client == disk
