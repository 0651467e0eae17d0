"""Finished uploads: in their place whole, told behind the answer, or gone."""

import os
from pathlib import Path

import pytest
import trio

from mrk.errors import ClientError
from mrk.files.temporary import TOKEN_BYTES, Purpose, is_temporary, temporary_name
from tests.fakes.file_house import open_files
from tests.polling import until


@pytest.fixture
def data(tmp_path):
    return tmp_path / "printer_data"


async def upload(house, filename, text, root="gcodes", folder=""):
    destination, temporary = await unfinished(house, text, root, folder, filename)
    return await destination.store(temporary, "5ha")


async def unfinished(house, text, *names):
    """A destination, and the finished file that is not in its place yet."""
    destination = await house.manager.uploads.begin_upload(*names)
    folder = await destination.prepare()
    temporary = Path(folder, temporary_name(Purpose.UPLOAD, os.urandom(TOKEN_BYTES)))
    temporary.write_text(text)
    return destination, str(temporary)


async def test_an_upload_is_told_once_it_is_answered(data):
    async with open_files(data) as house:
        finished = await upload(house, "a.gcode", "G28")
        assert house.metadata.scans == ["a.gcode"]
        assert (finished.answer.action, finished.item.size) == ("create_file", 3)
        assert house.waiting() == []
        finished.announce()
        finished.announce()
        assert await house.told(1) == [("create_file", "gcodes/a.gcode")]
        again = await upload(house, "/a.gcode", "G28 X")
        assert again.answer.action == "create_file"  # as Moonraker says
        again.announce()
        assert await house.told(1) == [("create_file", "gcodes/a.gcode")]  # one word for both
        assert await house.silence() == []
        assert os.listdir(house.gcodes) == ["a.gcode"]


@pytest.mark.parametrize(
    ("folder", "filename", "path"),
    [
        ("", "x.gcode ", "x.gcode"),
        ("", " /\u3000x.gcode\xa0", None),
        ("parts ", " x.gcode", "parts/x.gcode"),
        (" new / deep ", "x.gcode", "new/deep/x.gcode"),
        ("", "shared /x.gcode ", "shared /x.gcode"),
        ("", "kept.gcode ", "kept.gcode "),
        ("", "  ", None),
        (" ", "x.gcode", None),
        ("", " ..", None),
        ("", " . ", None),
        ("", " .git", None),
        ("", ".. /x.gcode", None),
        ("", "x.gcode\n", None),
    ],
)
async def test_blanks_at_the_ends_of_names(data, folder, filename, path):
    async with open_files(data) as house:
        (house.gcodes / "shared ").mkdir()
        (house.gcodes / "kept.gcode ").write_text("made by another program")
        before = sorted(house.gcodes.rglob("*"))
        if path is None:
            with pytest.raises(ClientError):
                await upload(house, filename, "G28", folder=folder)
            assert sorted(house.gcodes.rglob("*")) == before
        else:
            finished = await upload(house, filename, "G28", folder=folder)
            assert finished.item.path == path
            assert (house.gcodes / path).read_text() == "G28"


async def test_a_package_is_its_model(data):
    async with open_files(data) as house:
        finished = await upload(house, "box.UFP", "UFPG28", folder="parts")
        assert (finished.item.path, finished.item.size) == ("parts/box.gcode", 3)
        finished.announce()
        expected = [("create_dir", "gcodes/parts"), ("create_file", "gcodes/parts/box.gcode")]
        assert await house.told(2) == expected
        assert await house.silence() == []
        assert house.metadata.scans == ["parts/box.gcode"]
        await until(lambda: os.listdir(house.gcodes / "parts") == ["box.gcode"])


async def test_a_project_stays_beside_the_gcode_of_its_plates(data):
    async with open_files(data) as house:
        finished = await upload(house, "box.gcode.3mf", "3MFabc")
        assert finished.item.path == "box.gcode"
        assert sorted(os.listdir(house.gcodes)) == [
            "box.gcode", "box.gcode.3mf", "box_plate_2.gcode", "box_plate_3.gcode",
        ]  # fmt: skip
        assert (house.gcodes / "box_plate_3.gcode").read_text() == "c"
        assert sorted(house.metadata.scans) == [
            "box.gcode", "box_plate_2.gcode", "box_plate_3.gcode",
        ]  # fmt: skip
        finished.announce()
        told = await house.told(4)
        assert {action for action, _path in told} == {"create_file"}
        assert told[-1] == ("create_file", "gcodes/box.gcode")
        # A project without g-code is a file as any other.
        assert (await upload(house, "model.3mf", "x")).item.path == "model.3mf"


async def test_a_plate_that_is_being_printed_stays(data):
    async with open_files(data) as house:
        (house.gcodes / "box_plate_2.gcode").write_text("printing")
        house.printing.file = house.gcodes / "box_plate_2.gcode"
        await upload(house, "box.3mf", "3MFab")
        assert (house.gcodes / "box_plate_2.gcode").read_text() == "printing"
        assert (house.gcodes / "box.gcode").read_text() == "a"
        assert sorted(os.listdir(house.gcodes)) == ["box.3mf", "box.gcode", "box_plate_2.gcode"]


@pytest.mark.parametrize("name", ["part.bgcode", "part.gcode"])
async def test_binary_gcode_becomes_text_by_option(data, name):
    # The fake metadata unpacks what begins with UFP; here the name or the first bytes ask for it.
    async with open_files(data, convert_binary_gcode=True) as house:
        house.metadata.unpacks = b"GCDE"
        finished = await upload(house, name, "GCDEG28")
        assert finished.item.path == "part.gcode"
        await until(lambda: os.listdir(house.gcodes) == ["part.gcode"])
        assert (house.gcodes / "part.gcode").read_text() == "G28"
        assert (await upload(house, "text.gcode", "G28")).item.path == "text.gcode"
    async with open_files(data) as house:
        house.metadata.unpacks = b"GCDE"
        finished = await upload(house, name, "GCDEG28")
        assert (finished.item.path, finished.item.size) == (name, 7)


async def test_packages_that_stay_as_they_are(data):
    async with open_files(data) as house:
        for root, text in (("gcodes", "broken"), ("config", "UFPG28")):
            finished = await upload(house, "box.ufp", text, root=root)
            assert (finished.item.path, finished.item.size) == ("box.ufp", len(text))


async def test_a_package_of_what_is_being_printed(data):
    async with open_files(data) as house:
        (house.gcodes / "box.gcode").write_text("printing")
        house.printing.file = house.gcodes / "box.gcode"
        with pytest.raises(ClientError) as error:
            await upload(house, "box.ufp", "UFPG28")
        assert error.value.status == 403
        assert (house.gcodes / "box.gcode").read_text() == "printing"


async def test_cancelled_before_it_is_known_what_it_is(data):
    async with open_files(data, convert_binary_gcode=True) as house:
        destination, temporary = await unfinished(house, "G28", "gcodes", "", "a.gcode")
        with trio.CancelScope() as scope:
            scope.cancel()
            await destination.store(temporary, "5ha")
        await until(lambda: os.listdir(house.gcodes) == [])


async def test_cancelled_between_the_plates_of_a_project(data):
    async with open_files(data) as house:
        destination, temporary = await unfinished(house, "3MFab", "gcodes", "", "box.3mf")
        unpack = house.metadata.unpack
        with trio.CancelScope() as scope:

            async def last(*names):
                scope.cancel()
                return await unpack(*names)

            house.metadata.unpack = last
            await destination.store(temporary, "5ha")
        await until(lambda: os.listdir(house.gcodes) == [])


async def test_an_answer_that_was_never_sent_is_told_too(data):
    async with open_files(data) as house:
        await upload(house, "a.gcode", "G28")
        assert await house.told(1) == [("create_file", "gcodes/a.gcode")]


async def test_what_follows_an_upload_is_told_after_it(data):
    async with open_files(data) as house:
        await upload(house, "a.gcode", "G28")
        await house.call("server.files.delete_file", path="gcodes/a.gcode")
        expected = [("create_file", "gcodes/a.gcode"), ("delete_file", "gcodes/a.gcode")]
        assert await house.told(2) == expected


async def test_folders_of_the_form_are_made(data):
    async with open_files(data) as house:
        (await upload(house, "a.gcode", "G28", folder="/one/two/")).announce()
        assert await house.told(3) == [
            ("create_dir", "gcodes/one"),
            ("create_dir", "gcodes/one/two"),
            ("create_file", "gcodes/one/two/a.gcode"),
        ]
        assert await house.silence() == []


@pytest.mark.parametrize(
    ("root", "folder", "filename", "status"),
    [
        ("gcodes", "", "", 400),
        ("gcodes", "", "a/", 400),
        ("gcodes", "", "no/a.gcode", 400),
        ("gcodes", "..", "a.gcode", 400),
        ("gcodes", "", "../a.gcode", 400),
        ("gcodes", "", "folder", 400),
        ("gcodes", "", "a\nM112.gcode", 400),
        ("gcodes", ".git", "hooks", 403),
        ("gcodes", "db", "mrk.db", 403),
        ("gcodes", "", "printing.gcode", 403),
        ("logs", "", "a.log", 400),
        ("nowhere", "", "a", 400),
    ],
)
async def test_refused_before_the_first_byte(data, root, folder, filename, status):
    async with open_files(data) as house:
        (house.gcodes / "folder").mkdir()
        (house.gcodes / "db").symlink_to(house.paths.database)
        (house.gcodes / "printing.gcode").write_text("G28")
        house.printing.file = house.gcodes / "printing.gcode"
        before = sorted(os.listdir(house.gcodes))
        with pytest.raises(ClientError) as caught:
            await unfinished(house, "", root, folder, filename)
        assert caught.value.status == status
        assert sorted(os.listdir(house.gcodes)) == before


async def test_a_file_that_began_to_print_stays(data):
    async with open_files(data) as house:
        (house.gcodes / "a.gcode").write_text("old")
        destination, temporary = await unfinished(house, "new", "gcodes", "", "a.gcode")
        house.printing.file = house.gcodes / "a.gcode"
        with pytest.raises(ClientError) as caught:
            await destination.store(temporary, "5ha")
        assert caught.value.status == 403
        assert (house.gcodes / "a.gcode").read_text() == "old"
        await until(lambda: not any(map(is_temporary, os.listdir(house.gcodes))))


async def test_a_link_is_written_through(data, tmp_path):
    (tmp_path / "real.cfg").write_text("old")
    async with open_files(data) as house:
        (house.config / "printer.cfg").symlink_to(tmp_path / "real.cfg")
        await upload(house, "printer.cfg", "new", root="config")
        assert (tmp_path / "real.cfg").read_text() == "new"
        assert (house.config / "printer.cfg").is_symlink()
        assert sorted(os.listdir(tmp_path)) == ["printer_data", "real.cfg"]


async def test_two_uploads_of_one_name_at_once(data):
    async with open_files(data) as house:
        texts = [str(number) * 5000 for number in range(10)]
        async with trio.open_nursery() as nursery:
            for text in texts:
                nursery.start_soon(upload, house, "a.gcode", text)
        assert (house.gcodes / "a.gcode").read_text() in texts
        assert os.listdir(house.gcodes) == ["a.gcode"]


async def test_the_digest_of_what_lies_there(data):
    async with open_files(data) as house:
        plain = await upload(house, "a.gcode", "G28")
        assert plain.sha256 == "5ha"
        other = await upload(house, "notes.txt", "text", "config")
        assert other.sha256 == "5ha"
        package = await upload(house, "model.ufp", "UFPG28")
        assert package.item.path == "model.gcode"
        assert package.sha256 is None  # what its metadata say, which the fake does not find
        again = await house.call("server.files.metascan", filename="a.gcode")
        assert again["sha256"] == "5ha"
