"""Every kind of update on a disk that is full after ten different amounts of bytes.

Run as `python -m tests.nurseries.update_manager.full_disk FOLDER`, FOLDER being a small file
system; `test_full_disk.py` gives it one. What asks for free space is told that there is plenty.
"""

import os
import random
import sys
from pathlib import Path

import trio

from mrk.errors import ClientError
from tests.fakes.git_repos import ENVIRONMENT, GitServer
from tests.fakes.github import open_github
from tests.nurseries.update_manager.house import UpdateHouse, running
from tests.nurseries.update_manager.test_kill import (
    Clone,
    Executable,
    Kind,
    Package,
    _come_back,
)
from tests.nurseries.update_manager.test_release_update import archive

AMOUNTS = 10
STEP_BYTES = 8192


class Front(Kind):
    """A front end with files that do not shrink."""

    def publish(self, github):
        noise = random.Random(1)
        files = {f"js/{n}.js": noise.randbytes(4000).hex() for n in range(8)}
        github.publish("owner/thing", "v1.1.0", archive(files=files))


def leave(folder: Path, wanted: int) -> Path:
    """Fill the file system but for so many bytes."""
    status = os.statvfs(folder)
    filler = folder / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, status.f_bavail * status.f_frsize - wanted))
    return filler


def plenty(path: object) -> os.statvfs_result:
    status = list(real(path))  # type: ignore[arg-type]
    status[4] = 10**9
    return os.statvfs_result(status)


real = os.statvfs


def main(folder: Path) -> None:
    os.environ |= ENVIRONMENT
    (folder / "server").mkdir()
    server = Clone.server = GitServer(folder / "server")
    server.clone(folder / "server" / "clone")
    noise = random.Random(2)
    server.commit("second", {f"b/{n}.py": noise.randbytes(6000).hex() for n in range(5)})
    for make in (Front, Executable, Clone, Package):
        done = set()
        for number in range(AMOUNTS):
            place = folder / f"{make.__name__}{number}"
            place.mkdir()
            kind = make(place)
            kind.prepare()
            wanted = number * STEP_BYTES * (3 if make in (Front, Clone) else 1)
            done.add(trio.run(filled, kind, place, wanted))
            found = trio.run(_come_back, kind, place)
            assert found in ("old", "new")
        assert done == {True, False}, (make, done)


async def filled(kind: Kind, place: Path, wanted: int) -> bool:
    async with open_github() as github:
        kind.publish(github)
        house = UpdateHouse(place, github.url, kind.settings())
        async with running(house):
            filler = leave(place, wanted)
            os.statvfs = plenty
            try:
                await house.call("upgrade", name="thing")
            except ClientError:
                return False
            finally:
                os.statvfs = real
                filler.unlink()
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    print("passed")
