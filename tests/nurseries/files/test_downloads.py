"""Downloads, of what was uploaded and of what is closed."""

import os
from pathlib import Path

import pytest
import trio

from mrk.errors import ClientError
from tests.fakes.file_house import open_files


async def test_an_upload_and_its_download(tmp_path):
    async with open_files(tmp_path / "data") as house:
        uploads = house.manager.uploads
        assert uploads.upload_folders()[0] == os.path.realpath(house.gcodes)
        destination = await uploads.begin_upload("gcodes", "new/folder", "a.gcode")
        assert os.path.realpath(destination.folder) == os.path.realpath(house.gcodes)
        assert os.listdir(house.gcodes) == []
        folder = await destination.prepare()
        temporary = os.path.join(folder, ".mrk-upload-0011223344556677")
        Path(temporary).write_text("G28")
        stored = await destination.store(temporary, "5ha")
        assert (stored.item.path, stored.item.size) == ("new/folder/a.gcode", 3)
        stored.announce()
        assert ("create_file", "gcodes/new/folder/a.gcode") in await house.told(3)
        descriptor = await trio.to_thread.run_sync(
            house.manager.downloads.open_download, "gcodes", "new/folder/a.gcode"
        )
        assert os.read(descriptor, 10) == b"G28"
        os.close(descriptor)


@pytest.mark.parametrize(
    ("root", "path", "status"),
    [
        ("nowhere", "a", 404),
        ("gcodes", "none", 404),
        ("gcodes", "folder", 403),
        ("gcodes", "../config/a", 400),
        ("gcodes", ".git/a", 403),
        ("gcodes", ".mrk-upload-0011223344556677", 403),
        ("gcodes", "a\udcff", 400),
        ("gcodes", "leads/out", 403),
    ],
)
async def test_downloads_that_are_refused(tmp_path, root, path, status):
    async with open_files(tmp_path / "data") as house:
        (house.gcodes / "folder").mkdir()
        database = tmp_path / "data" / "database"
        database.mkdir(exist_ok=True)
        (database / "out").write_text("secret")
        (house.gcodes / "leads").symlink_to(database)
        opened = house.manager.downloads.open_download
        with pytest.raises(ClientError) as refused:
            await trio.to_thread.run_sync(opened, root, path)
        assert refused.value.status == status
