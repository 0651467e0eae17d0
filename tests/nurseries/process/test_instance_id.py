import os
import uuid

import pytest

from nurseries.process.instance_id import read_instance_id


def test_made_once_and_then_the_same(tmp_path):
    file = tmp_path / ".moonraker.uuid"
    first = read_instance_id(file)
    assert uuid.UUID(first).hex == first
    assert read_instance_id(file) == first
    assert [path.name for path in tmp_path.iterdir()] == [".moonraker.uuid"]


@pytest.mark.parametrize("form", ["{}", "{}\n", " {}  \n"])
def test_one_that_moonraker_left_is_taken(tmp_path, form):
    file = tmp_path / "id"
    for text in ("0123456789abcdef0123456789abcdef", "01234567-89ab-cdef-0123-456789abcdef"):
        file.write_text(form.format(text))
        assert read_instance_id(file) == "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("junk", [b"", b"xyz", b"\xff\xfe", b"0" * 10_000])
def test_junk_is_replaced_with_a_warning(tmp_path, junk, caplog):
    file = tmp_path / "id"
    file.write_bytes(junk)
    made = read_instance_id(file)
    assert "no id" in caplog.text
    assert file.read_text() == made == read_instance_id(file)


def test_a_folder_that_takes_no_files(tmp_path, caplog):
    made = read_instance_id(tmp_path / "absent" / "id")
    assert len(made) == 32
    assert "cannot be kept" in caplog.text


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "id")
    made = read_instance_id(tmp_path / "id")
    assert read_instance_id(tmp_path / "id") == made
