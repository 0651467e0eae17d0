"""Many requests on one tree, and many files in one folder."""

import contextlib
import json
import os
import random

import pytest
import trio

from mrk.api.caller import Caller, Transport
from mrk.errors import ClientError
from mrk.files.temporary import is_temporary
from tests.fakes.file_house import FileHouse, open_files, serving
from tests.polling import until

CALLER = Caller(Transport.WEBSOCKET)


@pytest.fixture
def data(tmp_path):
    return tmp_path / "printer_data"


def on_disk(top):
    found = set()
    for folder, _folders, files in os.walk(top):
        found |= {os.path.relpath(os.path.join(folder, name), top) for name in files}
    return found


def all_names(top):
    return [name for _, folders, files in os.walk(top) for name in (*folders, *files)]


async def client(house, seed, outcomes):
    """Sixty requests that get in each other's way."""
    chance = random.Random(seed)
    names = ["a", "b", "c", "a/x", "b/x", "c/x", "a/x/y", "b/y"]
    for number in range(60):
        one, other = (f"gcodes/{name}" for name in chance.sample(names, 2))
        method, params = chance.choice(
            [
                ("move", {"source": one, "dest": other}),
                ("copy", {"source": one, "dest": other}),
                ("delete_directory", {"path": one, "force": True}),
                ("post_directory", {"path": one}),
                ("zip", {"items": [one], "dest": f"{other}.zip"}),
                ("list", {}),
            ]
        )
        try:
            await house.call(f"server.files.{method}", **params)
            outcomes.append(200)
        except ClientError as error:
            outcomes.append(error.status)
        if number % 7 == 0:
            place = house.gcodes / chance.choice(names)
            if place.is_dir():
                (place / f"{seed}-{number}.gcode").write_text("G28")


async def test_clients_that_move_and_delete_one_tree(data):
    async with open_files(data) as house:
        for name in ("a", "b"):
            (house.gcodes / name / "x").mkdir(parents=True)
            (house.gcodes / name / "x" / "f.gcode").write_text("G28")
        outcomes = []
        async with trio.open_nursery() as nursery:
            for seed in range(4):
                nursery.start_soon(client, house, seed, outcomes)
        assert len(outcomes) == 4 * 60
        assert set(outcomes) <= {200, 400}
        assert outcomes.count(200) > 60
        listed = await house.call("server.files.list")
        on = {path for path in on_disk(house.gcodes) if path.endswith(".gcode")}
        assert {entry["path"] for entry in listed} == on
        await until(lambda: not any(map(is_temporary, all_names(house.gcodes))))


async def test_a_cancelled_request_leaves_a_true_tree(data):
    async with open_files(data) as house:
        for number in range(40):
            folder = house.gcodes / "a"
            folder.mkdir(exist_ok=True)
            for name in range(20):
                (folder / f"{name}.gcode").write_text("G28")
            with trio.move_on_after(0.0005 * (number % 8)):
                await house.call("server.files.move", source="gcodes/a", dest=f"gcodes/b{number}")
            with trio.move_on_after(0.0005 * (number % 5)), contextlib.suppress(ClientError):
                b = f"gcodes/b{number}"
                await house.call("server.files.delete_directory", path=b, force=True)
            listed = await house.call("server.files.list")
            assert {entry["path"] for entry in listed} == {
                path for path in on_disk(house.gcodes) if ".mrk-" not in path
            }


async def test_a_hundred_thousand_files_in_one_folder(data):
    house = FileHouse(data)
    folder = house.config / "crowd"
    folder.mkdir()
    for number in range(100_000):
        os.close(os.open(folder / f"{number:06}.cfg", os.O_CREAT | os.O_WRONLY))
    worst_s = 0.0

    async def watch(*, task_status):
        nonlocal worst_s
        task_status.started()
        while True:
            began = trio.current_time()
            await trio.lowlevel.checkpoint()
            worst_s = max(worst_s, trio.current_time() - began)

    async with serving(house), trio.open_nursery() as nursery:
        await nursery.start(watch)
        listed = await house.table.route("GET", "/server/files/list").call(
            {"root": "config"}, CALLER
        )
        assert len(json.loads(b"".join(listed.parts))) == 100_000
        method = house.table.route("GET", "/server/files/directory")
        found = await method.call({"path": "config/crowd"}, CALLER)
        assert b"".join(found.parts).count(b'"filename"') == 100_000
        (folder / "one more.cfg").write_text("x")
        assert await house.told(1) == [("create_file", "config/crowd/one more.cfg")]
        nursery.cancel_scope.cancel()
    # Parsing the answers above is the test's own work; what the manager does is far below it.
    assert worst_s < 2
