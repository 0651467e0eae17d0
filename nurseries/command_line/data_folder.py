"""Whose data folder it is: commands that write there run as its owner."""

import contextlib
import os
import pwd

from config.paths import Paths
from mrk.errors import MrkError


def check_owner(paths: Paths) -> None:
    """Raises `MrkError` for somebody who is not the owner of the data folder."""
    if not paths.data.is_dir():
        raise MrkError(f"there is no data folder {paths.data}: name it with mrk -d FOLDER")
    owner = paths.data.stat().st_uid
    if os.geteuid() == 0 != owner:
        # What root creates there a daemon without its rights could not write.
        with contextlib.suppress(KeyError):
            name = pwd.getpwuid(owner).pw_name
            raise MrkError(f"{paths.data} belongs to {name}: run this as {name}, not as root")
        raise MrkError(f"{paths.data} is not root's: run this as its owner")
