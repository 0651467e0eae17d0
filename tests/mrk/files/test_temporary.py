import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.files.temporary import Purpose, is_temporary, temporary_name


@given(st.sampled_from(Purpose), st.binary(min_size=8, max_size=8))
def test_made_names_are_known(purpose, token):
    name = temporary_name(purpose, token)
    assert is_temporary(name)
    assert name.startswith(f".mrk-{purpose}-")
    assert "/" not in name


@pytest.mark.parametrize(
    "name", [".mrk.toml.bkp", ".mrk-upload-", ".mrk-upload-0123456789abcdefx", "a.part", ".x.part"]
)
def test_others_names_are_not_swept(name):
    assert not is_temporary(name)


def test_the_scan_workers_images_are_hidden():
    assert is_temporary(".0123456789abcdef.part")


def test_tokens_have_one_length():
    with pytest.raises(ValueError, match="8"):
        temporary_name(Purpose.UPLOAD, b"short")
