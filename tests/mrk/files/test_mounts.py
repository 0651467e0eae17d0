import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.files.mounts import mount_point, network_devices

MOUNTINFO = """\
22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
40 22 0:35 / /mnt/nas rw,relatime - nfs4 nas:/prints rw,vers=4.2
41 22 0:36 / /mnt/my\\040share rw shared:9 master:2 - cifs //nas/share rw
42 22 0:37 / /mnt/ssh rw - fuse.sshfs pi@host:/ rw
43 22 0:38 / /tmp rw - tmpfs tmpfs rw
junk
44 22 - -
"""


def test_network_file_systems_by_device():
    assert network_devices(MOUNTINFO) == {(0, 35), (0, 36), (0, 37)}


@given(st.text())
def test_junk_is_nothing(text):
    assert isinstance(network_devices(text), frozenset)


MOUNTS = r"""
22 1 179:2 / / rw,noatime - ext4 /dev/root rw
30 22 0:35 / /home/pi/my\040share rw - cifs //nas/x rw
31 30 0:36 / /home/pi/my\040share/deeper rw - nfs nas:/y rw
32 22 0:37
"""


@pytest.mark.parametrize(
    ("path", "point"),
    [
        ("/home/pi/printer_data/config", "/"),
        ("/home/pi/my share", "/home/pi/my share"),
        ("/home/pi/my share/gcodes", "/home/pi/my share"),
        ("/home/pi/my share/deeper/gcodes", "/home/pi/my share/deeper"),
        ("/home/pi/my shared", "/"),
        ("/", "/"),
    ],
)
def test_the_mount_point_of_a_path(path: str, point: str) -> None:
    assert mount_point(MOUNTS, path) == point
    assert mount_point("", path) == "/"
