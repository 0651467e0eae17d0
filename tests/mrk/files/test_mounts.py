from hypothesis import given
from hypothesis import strategies as st

from mrk.files.mounts import network_devices

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
