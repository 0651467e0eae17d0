"""What requests do to files: answers, statuses, and one notification each."""

import errno
import os
from functools import partial
from pathlib import Path

import pytest
import trio

from mrk.errors import ClientError
from mrk.files.temporary import is_temporary
from nurseries.files.changes import operations
from tests.fakes.file_house import open_files
from tests.polling import until


@pytest.fixture
def data(tmp_path):
    return tmp_path / "printer_data"


async def refused(call):
    with pytest.raises(ClientError) as caught:
        await call
    return caught.value.status


async def test_create_and_delete_a_folder(data):
    async with open_files(data) as house:
        answer = await house.call("server.files.post_directory", path="gcodes/new")
        assert house.waiting() == []  # the answer goes first
        item = answer["item"]
        assert (answer["action"], item["path"], item["root"]) == ("create_dir", "new", "gcodes")
        assert item["permissions"] == "rw"
        assert (house.gcodes / "new").is_dir()
        assert await house.heard(1) == [answer]
        gone = await house.call("server.files.delete_directory", path="gcodes/new")
        assert gone == {
            "action": "delete_dir",
            "item": {"path": "new", "root": "gcodes", "modified": 0, "size": 0, "permissions": ""},
        }
        assert await house.heard(1) == [gone]
        assert await house.silence() == []


@pytest.mark.parametrize(
    ("method", "params", "status"),
    [
        ("post_directory", {}, 400),
        ("post_directory", {"path": "gcodes/a/b"}, 400),
        ("post_directory", {"path": "gcodes/full"}, 400),
        ("post_directory", {"path": "logs/new"}, 405),
        ("post_directory", {"path": "nowhere/new"}, 400),
        ("post_directory", {"path": "gcodes/../config/new"}, 400),
        ("post_directory", {"path": "config/.git/hooks"}, 403),
        ("post_directory", {"path": "gcodes/a\nb"}, 400),
        ("delete_directory", {"path": "gcodes"}, 400),
        ("delete_directory", {"path": "gcodes/full"}, 400),
        ("delete_directory", {"path": "gcodes/full/a.gcode", "force": True}, 400),
        ("delete_directory", {"path": "gcodes/nothing"}, 400),
        ("delete_directory", {"path": "logs/x"}, 405),
        ("delete_file", {"path": "gcodes/nothing.gcode"}, 400),
        ("delete_file", {"path": "gcodes/full"}, 400),
        ("delete_file", {"path": "logs/klippy.log"}, 405),
        ("delete_file", {"path": "nowhere/x"}, 400),
        ("move", {"source": "gcodes/nothing", "dest": "gcodes/x"}, 400),
        ("move", {"source": "logs/klippy.log", "dest": "gcodes/x"}, 400),
        ("move", {"source": "gcodes/full/a.gcode", "dest": "logs/a"}, 400),
        ("move", {"source": "gcodes/full", "dest": "gcodes/full/below"}, 400),
        ("move", {"source": "gcodes/full", "dest": "gcodes"}, 400),
        ("move", {"source": "gcodes/full/a.gcode", "dest": "gcodes/no/a.gcode"}, 400),
        ("copy", {"source": "gcodes/full", "dest": "gcodes/full/below"}, 400),
        ("copy", {"source": "gcodes/full", "dest": "gcodes/full"}, 400),
        ("copy", {"source": "gcodes/full", "dest": "gcodes"}, 400),
        ("copy", {"source": "gcodes/full/a.gcode", "dest": "logs/a"}, 400),
        ("zip", {"items": []}, 400),
        ("zip", {"items": ["gcodes/nothing"]}, 400),
        ("zip", {"items": ["gcodes/full"], "dest": "logs/a.zip"}, 400),
        ("zip", {"items": ["gcodes/full"], "dest": "gcodes/full"}, 400),
        ("zip", {"items": ["gcodes/full"], "dest": "gcodes/no/a.zip"}, 400),
        ("get_directory", {"path": "gcodes/nothing"}, 400),
        ("get_directory", {"path": "config/.git"}, 403),
        ("list", {"root": "nowhere"}, 400),
        ("metadata", {"filename": "nothing.gcode"}, 404),
        ("metascan", {"filename": "nothing.gcode"}, 404),
        ("metascan", {"filename": "full/readme.txt"}, 400),
    ],
)
async def test_what_is_refused(data, method, params, status):
    async with open_files(data) as house:
        (house.gcodes / "full").mkdir()
        (house.gcodes / "full" / "a.gcode").write_text("G28")
        (house.gcodes / "full" / "readme.txt").write_text("x")
        (house.paths.logs / "klippy.log").write_text("x")
        (house.config / ".git").mkdir()
        assert await refused(house.call(f"server.files.{method}", **params)) == status
        assert (house.gcodes / "full" / "a.gcode").read_text() == "G28"
        assert (house.paths.logs / "klippy.log").exists()


async def test_delete_a_full_folder_by_force(data):
    async with open_files(data) as house:
        (house.gcodes / "full" / "deep").mkdir(parents=True)
        (house.gcodes / "full" / "deep" / "a.gcode").write_text("G28")
        await house.told(3)
        house.metadata.records["full/deep/a.gcode"] = {}
        await house.call("server.files.delete_directory", path="gcodes/full", force=True)
        assert await house.told(1) == [("delete_dir", "gcodes/full")]
        assert await house.silence() == []
        assert os.listdir(house.gcodes) == []
        assert house.metadata.records == {}


async def test_delete_a_file_by_route_and_by_name(data):
    async with open_files(data) as house:
        for name in ("a.gcode", "b c.gcode"):
            (house.gcodes / name).write_text("G28")
        await house.told(2)
        answer = await house.http("DELETE", "/server/files/gcodes/b c.gcode", path="config/x")
        assert answer["item"]["path"] == "b c.gcode"
        await house.call("server.files.delete_file", path="gcodes/a.gcode")
        expected = [("delete_file", "gcodes/b c.gcode"), ("delete_file", "gcodes/a.gcode")]
        assert await house.told(2) == expected
        assert await house.silence() == []
        assert house.metadata.records == {}


async def test_move_a_file_into_a_folder(data):
    async with open_files(data) as house:
        (house.gcodes / "sub").mkdir()
        (house.gcodes / "a.gcode").write_text("G28")
        await house.told(2)
        record = house.metadata.records["a.gcode"]
        move = {"source": "gcodes/a.gcode", "dest": "gcodes/sub"}
        answer = await house.call("server.files.move", **move)
        assert answer["item"]["path"] == "sub/a.gcode"
        assert answer["source_item"] == {"path": "a.gcode", "root": "gcodes"}
        assert answer["item"]["size"] == 3
        assert await house.heard(1) == [answer]
        assert house.metadata.records == {"sub/a.gcode": record}
        assert await house.silence() == []
        listed = await house.call("server.files.list")
        assert [entry["path"] for entry in listed] == ["sub/a.gcode"]


async def test_move_replaces_a_file_and_carries_folders(data):
    async with open_files(data) as house:
        (house.gcodes / "old").mkdir()
        (house.gcodes / "old" / "a.gcode").write_text("one")
        (house.gcodes / "b.gcode").write_text("two")
        await house.told(3)
        move = "server.files.move"
        await house.call(move, source="gcodes/old/a.gcode", dest="gcodes/b.gcode")
        await house.call(move, source="gcodes/b.gcode", dest="gcodes/old/c.gcode")
        await house.call(move, source="gcodes/old", dest="gcodes/new")
        assert (house.gcodes / "new" / "c.gcode").read_text() == "one"
        assert await house.told(3) == [
            ("move_file", "gcodes/b.gcode", "gcodes/old/a.gcode"),
            ("move_file", "gcodes/old/c.gcode", "gcodes/b.gcode"),
            ("move_dir", "gcodes/new", "gcodes/old"),
        ]
        assert await house.silence() == []
        (house.gcodes / "new" / "d.gcode").write_text("still watched")
        assert await house.told(1) == [("create_file", "gcodes/new/d.gcode")]


async def test_move_between_roots_scans_or_forgets(data):
    async with open_files(data) as house:
        (house.config / "a.gcode").write_text("G28")
        await house.told(1)
        await house.call("server.files.move", source="config/a.gcode", dest="gcodes/a.gcode")
        assert set(house.metadata.records) == {"a.gcode"}
        await house.call("server.files.move", source="gcodes/a.gcode", dest="config/a.gcode")
        assert house.metadata.records == {}
        assert await house.told(2) == [
            ("move_file", "gcodes/a.gcode", "config/a.gcode"),
            ("move_file", "config/a.gcode", "gcodes/a.gcode"),
        ]
        assert await house.silence() == []


async def test_move_to_another_file_system(data, tmp_path_factory):
    other = trio.Path("/dev/shm")
    if not await other.is_dir() or os.stat("/dev/shm").st_dev == os.stat("/tmp").st_dev:
        pytest.skip("no second file system")
    folder = other / f"mrk-test-{os.getpid()}"
    await folder.mkdir()
    try:
        async with open_files(data) as house:
            (house.gcodes / "usb").symlink_to(folder)
            (house.gcodes / "a").mkdir()
            (house.gcodes / "a" / "b.gcode").write_text("G28")
            await house.told(3)
            await house.call("server.files.move", source="gcodes/a", dest="gcodes/usb")
            assert await house.told(1) == [("move_dir", "gcodes/usb/a", "gcodes/a")]
            assert await house.silence() == []
            assert os.listdir(house.gcodes) == ["usb"]
            assert (house.gcodes / "usb" / "a" / "b.gcode").read_text() == "G28"
            assert set(house.metadata.records) == {"usb/a/b.gcode"}
    finally:
        await trio.to_thread.run_sync(lambda: __import__("shutil").rmtree(folder))


@pytest.fixture
def far_away(monkeypatch):
    """Every move is one to another file system; what is done is noted, in order."""
    done = []
    rename, sync = Path.rename, operations.sync

    def noted(path, target):
        if not is_temporary(path.name) and not is_temporary(target.name):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        kind = "hide" if "trash" in target.name else "place"
        if kind == far_refuses.get("step"):
            raise OSError(errno.EACCES, "Permission denied")
        done.append(kind)
        return rename(path, target)

    def synced(path):
        done.append("sync")
        sync(path)

    far_refuses = {}
    monkeypatch.setattr(Path, "rename", noted)
    monkeypatch.setattr(operations, "sync", synced)
    return done, far_refuses


async def test_the_original_goes_when_the_copy_has_its_name_on_the_disk(data, far_away):
    done, _refuses = far_away
    async with open_files(data) as house:
        (house.gcodes / "a.gcode").write_text("G28")
        (house.gcodes / "b").mkdir()
        await house.call("server.files.move", source="gcodes/a.gcode", dest="gcodes/b/a.gcode")
        assert done == ["place", "sync", "hide"]


async def test_what_cannot_leave_its_folder_is_not_copied_either(data, far_away, monkeypatch):
    done, refuses = far_away
    async with open_files(data) as house:
        (house.gcodes / "a.gcode").write_text("G28")
        (house.gcodes / "b").mkdir()
        move = {"source": "gcodes/a.gcode", "dest": "gcodes/b/a.gcode"}
        with monkeypatch.context() as patch:
            patch.setattr(os, "access", lambda path, mode: False)
            assert await refused(house.call("server.files.move", **move)) == 400
        assert done == []
        refuses["step"] = "hide"  # what nobody can know before
        assert await refused(house.call("server.files.move", **move)) == 400
        assert (house.gcodes / "a.gcode").read_text() == "G28"
        await until(lambda: not any((house.gcodes / "b").iterdir()))


async def test_copy_a_file_and_over_a_file(data):
    async with open_files(data) as house:
        (house.paths.logs / "x.gcode").write_text("from a read-only root")
        os.utime(house.paths.logs / "x.gcode", (1_000_000, 1_000_000))
        copy = {"source": "logs/x.gcode", "dest": "gcodes/y.gcode"}
        answer = await house.call("server.files.copy", **copy)
        assert answer["action"] == "create_file"
        assert "source_item" not in answer
        assert answer["item"]["modified"] == 1_000_000
        assert house.metadata.scans == ["y.gcode"]
        (house.paths.logs / "x.gcode").write_text("other")
        again = await house.call("server.files.copy", **copy)
        assert again["action"] == "modify_file"
        assert (house.gcodes / "y.gcode").read_text() == "other"
        assert await house.heard(2) == [answer, again]
        assert await house.silence() == []


async def test_copy_a_folder_is_told_once(data):
    async with open_files(data) as house:
        (house.gcodes / "a" / "b").mkdir(parents=True)
        (house.gcodes / "a" / "b" / "c.gcode").write_text("G28")
        (house.gcodes / "a" / "round").symlink_to(house.gcodes / "a")
        await house.told(4)
        house.metadata.scans.clear()
        answer = await house.call("server.files.copy", source="gcodes/a", dest="gcodes/z")
        assert answer["action"] == "create_dir"
        assert house.metadata.scans == ["z/b/c.gcode"]
        assert await house.told(1) == [("create_dir", "gcodes/z")]
        assert await house.silence() == []
        assert sorted(os.listdir(house.gcodes / "z")) == ["b"]
        (house.gcodes / "z" / "b" / "d.gcode").write_text("watched")
        assert await house.told(1) == [("create_file", "gcodes/z/b/d.gcode")]


@pytest.mark.parametrize("method", ["copy", "move"])
async def test_a_folder_is_told_before_what_happens_in_it(data, method):
    async with open_files(data) as house, trio.open_nursery() as nursery:
        (house.config / "a" / "b").mkdir(parents=True)
        (house.config / "a" / "b" / "c.gcode").write_text("G28")
        await house.told(3)
        house.metadata.may_scan = trio.Event()
        ask = partial(house.call, f"server.files.{method}", source="config/a", dest="gcodes/z")
        nursery.start_soon(ask)
        inside = house.gcodes / "z" / "b"
        await until(inside.is_dir)
        assert await house.silence() == []
        (inside / "picture.png").write_text("of the scan")
        assert await house.silence() == []
        house.metadata.may_scan.set()
        assert [change[:2] for change in await house.told(2)] == [
            (f"{'create' if method == 'copy' else 'move'}_dir", "gcodes/z"),
            ("create_file", "gcodes/z/b/picture.png"),
        ]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("delete_file", {"path": "gcodes/p/a.gcode"}),
        ("delete_directory", {"path": "gcodes/p", "force": True}),
        ("move", {"source": "gcodes/p/a.gcode", "dest": "gcodes/x"}),
        ("move", {"source": "gcodes/p", "dest": "gcodes/x"}),
        ("move", {"source": "gcodes/b.gcode", "dest": "gcodes/p/a.gcode"}),
        ("copy", {"source": "gcodes/b.gcode", "dest": "gcodes/p/a.gcode"}),
    ],
)
async def test_a_file_that_is_printed_stays(data, method, params):
    async with open_files(data) as house:
        (house.gcodes / "p").mkdir()
        for name in ("p/a.gcode", "b.gcode"):
            (house.gcodes / name).write_text(name)
        await house.told(3)
        house.printing.file = house.gcodes / "p" / "a.gcode"
        assert await refused(house.call(f"server.files.{method}", **params)) == 403
        assert (house.gcodes / "p" / "a.gcode").read_text() == "p/a.gcode"
        copy = {"source": "gcodes/p/a.gcode", "dest": "gcodes/copy.gcode"}
        await house.call("server.files.copy", **copy)  # its source may be
        assert await house.told(1) == [("create_file", "gcodes/copy.gcode")]


async def test_metadata_thumbnails_and_metascan(data):
    async with open_files(data) as house:
        (house.gcodes / "sub").mkdir()
        (house.gcodes / "sub" / "A.GCODE").write_text("G28")
        await house.told(2)
        found = await house.call("server.files.metadata", filename="sub/A.GCODE")
        assert found["filename"] == "sub/A.GCODE"
        assert found["slicer"] == "Fake"
        details = await house.call("server.files.thumbnails", filename="sub/A.GCODE")
        assert details == [
            {"width": 32, "height": 32, "size": 9, "thumbnail_path": "sub/.thumbs/x.png"}
        ]
        assert await house.call("server.files.thumbnails", filename="no.gcode") == []
        house.metadata.records["sub/A.GCODE"]["job_id"] = "000001"
        again = await house.call("server.files.metascan", filename="sub/A.GCODE")
        assert again["job_id"] is None
        assert again["filename"] == "sub/A.GCODE"


async def test_write_access_to_the_config_root_can_be_taken_away(data):
    async with open_files(data, enable_config_write_access=False) as house:
        assert await refused(house.call("server.files.post_directory", path="config/a")) == 405
        roots = await house.call("server.files.roots")
        assert [(root["name"], root["permissions"]) for root in roots] == [
            ("config", "r"),
            ("logs", "r"),
            ("gcodes", "rw"),
        ]
        assert house.manager.registered_directories == ["config", "logs", "gcodes"]


async def test_new_names_lose_their_blanks(data):
    async with open_files(data) as house:
        (house.gcodes / "a.gcode").write_text("G28")
        made = await house.call("server.files.post_directory", path="gcodes/ sub ")
        assert made["item"]["path"] == "sub"
        copied = await house.call("server.files.copy", source="gcodes/a.gcode", dest="gcodes/b ")
        assert copied["item"]["path"] == "b"
        moved = await house.call("server.files.move", source="gcodes/b", dest="gcodes/sub/ c ")
        assert moved["item"]["path"] == "sub/c"
        answer = await house.call(
            "server.files.zip", items=["gcodes/a.gcode"], dest="config/all.zip "
        )
        assert answer["destination"]["path"] == "all.zip"
        # What is there is called as it is.
        (house.gcodes / "old ").write_text("by another program")
        moved = await house.call("server.files.move", source="gcodes/old ", dest="gcodes/old")
        assert moved["item"]["path"] == "old"
        assert sorted(os.listdir(house.gcodes)) == ["a.gcode", "old", "sub"]


@pytest.mark.parametrize("dest", ["gcodes/  ", "gcodes/ ..", "gcodes/ .git", "gcodes/sub/ . "])
async def test_names_that_are_nothing_without_their_blanks(data, dest):
    async with open_files(data) as house:
        (house.gcodes / "a.gcode").write_text("G28")
        (house.gcodes / "sub").mkdir()
        for method, params in (
            ("copy", {"source": "gcodes/a.gcode", "dest": dest}),
            ("move", {"source": "gcodes/a.gcode", "dest": dest}),
            ("post_directory", {"path": dest}),
            ("zip", {"items": ["gcodes/a.gcode"], "dest": dest}),
        ):
            assert await refused(house.call(f"server.files.{method}", **params)) in (400, 403)
        assert sorted(os.listdir(house.gcodes)) == ["a.gcode", "sub"]


async def test_archives_made_at_once_have_names_of_their_own(data):
    async with open_files(data) as house:
        (house.gcodes / "a.gcode").write_text("G28")
        (house.gcodes / "b.gcode").write_text("G28")
        answers = {}

        async def make(name):
            items = [f"gcodes/{name}.gcode"]
            answers[name] = await house.call("server.files.zip", items=items)

        # More than fit into one second, were it to end meanwhile.
        async with trio.open_nursery() as nursery:
            for name in "ab":
                nursery.start_soon(make, name)
        await make("a")
        paths = {answers[name]["destination"]["path"] for name in "ab"}
        assert len(paths) == 2
        assert len(list(house.config.glob("collection-*.zip"))) == 3


async def test_one_clients_changes_take_effect_in_its_order(data):
    steps = [
        ("post_directory", {"path": "gcodes/d"}),
        ("post_directory", {"path": "gcodes/d/x"}),
        ("copy", {"source": "gcodes/d", "dest": "gcodes/e"}),
        ("delete_directory", {"path": "gcodes/d", "force": True}),
        ("move", {"source": "gcodes/e", "dest": "gcodes/f"}),
        ("zip", {"dest": "gcodes/f/z.zip", "items": ["config"]}),
        ("delete_file", {"path": "gcodes/f/z.zip"}),
        ("delete_directory", {"path": "gcodes/f", "force": True}),
    ]
    async with open_files(data) as house:
        (data / "config" / "a.cfg").write_text("a")
        house.connection_id = 7
        for _ in range(5):
            left = iter(steps)

            async def take_step(left=left):
                method, params = next(left)  # Trio runs new tasks in any order
                await house.call(f"server.files.{method}", **params)

            async with trio.open_nursery() as nursery:
                for _ in steps:
                    nursery.start_soon(take_step)
        assert list(house.gcodes.iterdir()) == []
