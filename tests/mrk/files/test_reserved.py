import pytest

from mrk.errors import ClientError
from mrk.files.reserved import Permissions, ReservedPaths, usual_places

DATA = "/home/pi/printer_data"
RESERVED = ReservedPaths(
    usual_places(DATA) | {"/home/pi/klipper": Permissions.READ}, frozenset({(1, 2)})
)


@pytest.mark.parametrize(
    ("path", "permissions"),
    [
        (f"{DATA}/gcodes/a.gcode", "rw"),
        (f"{DATA}/database", ""),
        (f"{DATA}/database/mrk.db", ""),
        (f"{DATA}/databases", "rw"),
        (f"{DATA}/certs/moonraker.key", ""),
        (f"{DATA}/moonraker.secrets", ""),
        (f"{DATA}/moonraker.asvc", ""),
        (f"{DATA}/config/.git/config", ""),
        ("/home/pi/klipper/docs/FAQ.md", "r"),
        ("/home/pi/klipper/.git", ""),
        ("/", "rw"),
    ],
)
def test_the_closest_place_counts(path, permissions):
    assert RESERVED.permissions(path) == permissions
    folder, _, name = path.rpartition("/")
    assert RESERVED.below(RESERVED.permissions(folder), folder, name) == permissions


@pytest.mark.parametrize(
    ("path", "write", "allowed"),
    [
        (f"{DATA}/config/a", True, True),
        (f"{DATA}/database/a", False, False),
        ("/home/pi/klipper/docs", False, True),
        ("/home/pi/klipper/docs", True, False),
        (DATA, True, False),  # removing it would remove the database
        (DATA, False, True),
    ],
)
def test_check(path, write, allowed):
    if allowed:
        RESERVED.check(path, write=write)
        return
    with pytest.raises(ClientError) as caught:
        RESERVED.check(path, write=write)
    assert caught.value.status == 403


def test_other_spellings_are_known_by_inode():
    assert RESERVED.is_same_as_closed([(9, 9), (1, 2)])
    assert not RESERVED.is_same_as_closed([(1, 3)])
