"""Links, reserved places, names that are no text, crowds: refused or answered, never a crash."""

import os
import sys
import zipfile
from functools import partial
from pathlib import Path

import pytest
import trio

from mrk.errors import ClientError
from mrk.files.reserved import ReservedPaths
from nurseries.files.changes import copying
from nurseries.files.changes.removal import remove_tree
from tests.fakes.file_house import FileHouse, open_files, serving
from tests.polling import until


@pytest.fixture
def data(tmp_path):
    return tmp_path / "printer_data"


async def opened(house, root, name):
    """A download as the transport begins it."""
    await trio.to_thread.run_sync(house.manager.downloads.open_download, root, name)


async def status(call):
    try:
        await call
    except ClientError as error:
        return error.status
    return 200


def secrets(house):
    (house.paths.database / "mrk.db").write_text("secret")
    (house.data / "moonraker.secrets").write_text("secret")
    (house.data / "certs").mkdir()
    (house.data / "certs" / "moonraker.key").write_text("secret")


async def test_links_into_reserved_places(data):
    house = FileHouse(data)
    secrets(house)
    house = FileHouse(data)
    (house.gcodes / "db").symlink_to(house.paths.database)
    (house.gcodes / "up").symlink_to(data)
    (house.gcodes / "key.gcode").symlink_to(data / "certs" / "moonraker.key")
    os.link(data / "moonraker.secrets", house.config / "hard")
    async with serving(house):
        for path in ("gcodes/db", "gcodes/up/database", "gcodes/up/certs"):
            assert await status(house.call("server.files.get_directory", path=path)) == 403
            assert await status(house.call("server.files.post_directory", path=f"{path}/x")) == 403
        for path in ("gcodes/key.gcode", "gcodes/up/moonraker.secrets", "config/hard"):
            copy = {"source": path, "dest": "gcodes/stolen"}
            assert await status(house.call("server.files.copy", **copy)) == 403
            zipped = {"items": [path], "dest": "config/a.zip"}
            assert await status(house.call("server.files.zip", **zipped)) == 403
            root, _, name = path.partition("/")
            assert await status(opened(house, root, name)) == 403
        everything = {"path": "gcodes/up", "force": True}
        assert await status(house.call("server.files.delete_directory", **everything)) == 200
        assert (house.paths.database / "mrk.db").read_text() == "secret"
        assert (data / "certs" / "moonraker.key").exists()
        listed = await house.call("server.files.list")
        assert "key.gcode" in [entry["path"] for entry in listed if not entry["permissions"]]
        assert not [entry for entry in listed if entry["path"].startswith(("db/", "up/"))]


async def test_the_secrets_file_is_closed_wherever_it_goes(data):
    """Where a deprecated option put it into a root; and moved or linked there by its owner."""

    secrets(FileHouse(data))
    old = data / "config" / "old.secrets"
    old.write_text("secret")
    house = FileHouse(data, secrets_file=old)
    async with serving(house):
        os.rename(data / "moonraker.secrets", house.config / "renamed")
        (house.config / "link").symlink_to("renamed")
        for name in ("old.secrets", "renamed", "link"):
            assert await status(opened(house, "config", name)) == 403
            for call, arguments in {
                "server.files.copy": {"source": f"config/{name}", "dest": "config/stolen"},
                "server.files.zip": {"items": [f"config/{name}"], "dest": "config/a.zip"},
            }.items():
                assert await status(house.call(call, **arguments)) == 403
            assert await status(house.manager.uploads.begin_upload("config", "", name)) == 403
        move = {"source": "config/old.secrets", "dest": "config/stolen"}
        assert await status(house.call("server.files.move", **move)) == 403
        assert (
            await status(house.call("server.files.delete_file", path="config/old.secrets")) == 403
        )
    assert sorted(os.listdir(house.config)) == ["link", "old.secrets", "renamed"]


async def test_removing_a_link_leaves_what_it_names(data, tmp_path):
    usb = tmp_path / "usb"
    usb.mkdir()
    (usb / "a.gcode").write_text("G28")
    async with open_files(data) as house:
        (house.gcodes / "usb").symlink_to(usb)
        (house.gcodes / "file.gcode").symlink_to(usb / "a.gcode")
        listed = await house.call("server.files.list")
        assert {entry["path"]: entry["permissions"] for entry in listed} == {
            "file.gcode": "r",
            "usb/a.gcode": "rw",
        }
        await house.call("server.files.delete_file", path="gcodes/file.gcode")
        await house.call("server.files.delete_directory", path="gcodes/usb", force=True)
        assert (usb / "a.gcode").read_text() == "G28"
        assert os.listdir(house.gcodes) == []


async def test_what_happens_behind_a_link_is_seen(data, tmp_path):
    usb = tmp_path / "usb"
    usb.mkdir()
    async with open_files(data) as house:
        (house.gcodes / "usb").symlink_to(usb)
        await house.told(1)
        (usb / "a.gcode").write_text("G28")
        assert await house.told(1) == [("create_file", "gcodes/usb/a.gcode")]
        (usb / "a.gcode").unlink()
        usb.rmdir()
        found = []
        while ("delete_dir", "gcodes/usb") not in found:
            found += await house.told(1)
        assert await house.call("server.files.list") == []


async def test_circles_end(data):
    async with open_files(data) as house:
        (house.gcodes / "a" / "b").mkdir(parents=True)
        (house.gcodes / "a" / "b" / "x.gcode").write_text("G28")
        (house.gcodes / "a" / "b" / "round").symlink_to(house.gcodes)
        (house.gcodes / "self").symlink_to(house.gcodes / "self")
        (house.gcodes / "broken").symlink_to("/nowhere/at/all")
        listed = await house.call("server.files.list")
        assert [entry["path"] for entry in listed] == ["a/b/x.gcode"]
        inside = await house.call("server.files.get_directory", path="gcodes/a/b/round/a")
        assert [entry["dirname"] for entry in inside["dirs"]] == ["b"]
        top = await house.call("server.files.get_directory")
        assert [entry["dirname"] for entry in top["dirs"]] == ["a"]
        assert top["files"] == []


async def test_names_that_are_no_text(data):
    async with open_files(data) as house:
        latin = os.fsencode(house.gcodes) + b"/caf\xe9.gcode"
        folder = os.fsencode(house.gcodes) + b"/f\xfcr"
        Path(os.fsdecode(latin)).write_text("G28")
        os.mkdir(folder)
        Path(os.fsdecode(folder), "a.gcode").write_text("G28")
        (house.gcodes / "caf\u00e9.gcode").write_text("G28")
        listed = await house.call("server.files.list")
        assert [entry["path"] for entry in listed] == ["caf\u00e9.gcode"]
        top = await house.call("server.files.get_directory", path="gcodes")
        assert (len(top["files"]), top["dirs"]) == (1, [])
        assert await house.told(1) == [("create_file", "gcodes/caf\u00e9.gcode")]
        os.rename(latin, os.fsencode(house.gcodes) + b"/caf\xe8.gcode")
        os.rename(
            os.fsencode(house.gcodes) + b"/caf\xe8.gcode", os.fsencode(house.gcodes / "b.gcode")
        )
        assert await house.told(1) == [("create_file", "gcodes/b.gcode")]
        assert await house.silence() == []
        await house.call("server.files.copy", source="gcodes", dest="config/all")
        assert len(os.listdir(os.fsencode(house.config / "all"))) == 3
        await house.call("server.files.delete_directory", path="config/all", force=True)
        assert os.listdir(house.config) == []


async def test_names_with_strange_characters_are_reached(data):
    async with open_files(data) as house:
        for name in (
            "a\nb.gcode",
            "tab\t.gcode",
            '"quoted".gcode',
            "back\\slash.gcode",
            "%2e%2e.gcode",
        ):
            (house.gcodes / name).write_text("G28")
            await house.told(1)
            await house.call("server.files.delete_file", path=f"gcodes/{name}")
            await house.told(1)
        assert os.listdir(house.gcodes) == []


async def test_pipes_and_sockets_are_not_files(data):
    async with open_files(data) as house:
        os.mkfifo(house.gcodes / "pipe.gcode")
        assert await house.call("server.files.list") == []
        delete = house.call("server.files.delete_file", path="gcodes/pipe.gcode")
        assert await status(delete) == 400


def make_deep(folder, levels, name="d"):
    """Folders in folders: paths would be too long for the system."""
    folder.mkdir()
    descriptor = os.open(folder, os.O_DIRECTORY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=descriptor)
        below = os.open(name, os.O_DIRECTORY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)


def test_folders_however_deep_are_removed(tmp_path, request):
    name = "d" * 20
    request.addfinalizer(partial(sys.setrecursionlimit, sys.getrecursionlimit()))
    make_deep(tmp_path / "deep", 600, name)
    (tmp_path / "deep" / name / "file").touch()
    make_deep(tmp_path / "deep" / "other", 400, name)
    (tmp_path / "deep" / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "kept").mkdir()
    sys.setrecursionlimit(300)  # lower than usual: there is less to be made
    remove_tree(tmp_path / "deep")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


async def test_folders_that_are_too_deep_are_not_copied(tmp_path, monkeypatch):
    def too_deep(_source, target, *_given):
        target.mkdir()
        raise RecursionError

    monkeypatch.setattr(copying, "_copy_folder", too_deep)
    copy = partial(copying.copy_to, tmp_path, tmp_path / "copy", ReservedPaths({}))
    with pytest.raises(OSError, match="nested too deeply"):
        await trio.to_thread.run_sync(copy)
    assert list(tmp_path.iterdir()) == []


async def test_what_was_left_behind_a_link_is_swept(data, tmp_path):
    stick, other = tmp_path / "stick", data / "backup"
    left = []
    for folder in (stick / "deep", other):
        folder.mkdir(parents=True)
        left.append(folder / ".mrk-upload-0123456789abcdef")
        left[-1].write_text("half")
    (stick / "deep" / "again").symlink_to(stick)
    gcodes = data / "gcodes"
    gcodes.mkdir(parents=True)
    (gcodes / "usb").symlink_to(stick)
    (gcodes / "closed").symlink_to(other)
    (gcodes / "broken").symlink_to(tmp_path / "nothing")
    async with open_files(data):
        assert [path.exists() for path in left] == [False, True]


async def test_temporary_files_are_hidden_and_swept(data):
    house = FileHouse(data)
    left = [
        house.gcodes / ".mrk-upload-0123456789abcdef",
        house.gcodes / ".mrk-trash-0123456789abcdef",
        house.config / ".mrk-zip-0123456789abcdef",
    ]
    left[0].write_text("half")
    left[1].mkdir()
    (left[1] / "x").write_text("x")
    left[2].write_text("half")
    (house.config / ".mrk.toml.bkp").write_text("kept")
    async with serving(house):
        assert not any(path.exists() for path in left)
        assert (house.config / ".mrk.toml.bkp").exists()
        left[0].write_text("half")
        folder = await house.call("server.files.get_directory", path="gcodes")
        assert folder["files"] == []
        assert (
            await status(house.call("server.files.delete_file", path=f"gcodes/{left[0].name}"))
            == 403
        )
        assert await house.silence() == []


async def test_zip_holds_what_was_listed(data):
    async with open_files(data) as house:
        (house.config / "sub" / "deep").mkdir(parents=True)
        for name in ("printer.cfg", "sub/a.cfg", "sub/deep/b.cfg", "old"):
            (house.config / name).write_text(name)
        os.utime(house.config / "old", (0, 0))
        (house.config / "sub" / "link.cfg").symlink_to(house.config / "printer.cfg")
        await house.told(7)
        items = ["config/printer.cfg", "config", "config/sub"]
        answer = await house.call("server.files.zip", items=items, dest="config/out.zip")
        assert answer["action"] == "zip_files"
        assert answer["destination"]["path"] == "out.zip"
        with zipfile.ZipFile(house.config / "out.zip") as archive:
            names = sorted(archive.namelist())
            assert archive.read("config/sub/a.cfg") == b"sub/a.cfg"
        assert names == [
            "config/old",
            "config/printer.cfg",
            "config/sub/a.cfg",
            "config/sub/link.cfg",
        ]
        assert await house.told(1) == [("create_file", "config/out.zip")]
        named = await house.call(
            "server.files.zip", items="config/printer.cfg, config/old", store_only=True
        )
        assert named["destination"]["path"].startswith("collection-")
        assert await house.silence() == [("create_file", f"config/{named['destination']['path']}")]


async def test_a_cancelled_zip_and_copy_leave_nothing(data):
    async with open_files(data) as house:
        with (house.gcodes / "big.gcode").open("wb") as file:
            file.truncate(3_000_000_000)
        await house.call("server.files.list")
        for method, params in (
            ("zip", {"items": ["gcodes/big.gcode"], "dest": "gcodes/out.zip"}),
            ("copy", {"source": "gcodes/big.gcode", "dest": "gcodes/two.gcode"}),
        ):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(house.call, f"server.files.{method}", **params))
                await until(lambda: len(os.listdir(house.gcodes)) > 1)
                nursery.cancel_scope.cancel()
            assert os.listdir(house.gcodes) == ["big.gcode"]


async def test_folders_that_nobody_watches_are_polled(data):
    house = FileHouse(data)
    (house.gcodes / "a").mkdir()
    async with serving(house):
        tree = house.manager.trees.known("gcodes")
        for folder in tree.top.folders():  # as if the kernel had had no watch left
            folder.polled = True
        (house.gcodes / "a" / "x.gcode").write_text("G28")
        listed = await house.call("server.files.list")
        assert [entry["path"] for entry in listed] == ["a/x.gcode"]
        assert await house.told(1) == [("create_file", "gcodes/a/x.gcode")]


async def test_docs_and_samples_appear_with_klipper(data, tmp_path):
    klipper = tmp_path / "klipper"
    (klipper / "docs").mkdir(parents=True)
    (klipper / "config").mkdir()
    (klipper / "docs" / "FAQ.md").write_text("x")
    async with open_files(data) as house:
        house.klipper.connect(klipper_path=str(klipper), config_file="/etc/printer.cfg")
        updates = await house.told(2)
        assert set(updates) == {("root_update", "docs/."), ("root_update", "config_examples/.")}
        assert house.manager.registered_directories[3:] == ["config_examples", "docs"]
        docs = await house.call("server.files.list", root="docs")
        assert [(entry["path"], entry["permissions"]) for entry in docs] == [("FAQ.md", "r")]
        await until(lambda: bool(house.manager.warnings))
        assert "/etc/printer.cfg" in house.manager.warnings[0]
        (house.gcodes / "k").symlink_to(klipper)
        assert await status(house.call("server.files.post_directory", path="gcodes/k/new")) == 403
        assert await status(house.call("server.files.get_directory", path="gcodes/k/docs")) == 200
