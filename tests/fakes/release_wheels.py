"""A small release: a wheel whose `mrk` does what a test wants, an archive and a signed document."""

import io
import zipfile
from pathlib import Path

import msgspec

from mrk.installation.release import FORM, Archive, OwnRelease
from nurseries.installation.release_source import machine_name
from releasing.build import describe, write_archive
from releasing.keys import make_key, public_text, read_key, signature

PROGRAM = """\
import sys
def main():
    if sys.argv[-1] == {fails!r}:
        sys.exit("this release fails at " + sys.argv[-1])
    print("release {version}", *sys.argv[1:])
"""


def wheel(version: str, fails: str = "") -> bytes:
    info = f"mrk-{version}.dist-info"
    files = {
        "smallmrk.py": PROGRAM.format(fails=fails, version=version),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: mrk\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nmrk = smallmrk:main\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    return data.getvalue()


class SmallReleases:
    """A folder that releases come from, with a key of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        make_key(folder / "key.pem")
        self.key = read_key(folder / "key.pem")
        self.public_key = public_text(self.key)

    def offer(self, version: str, fails: str = "", **changes: object) -> OwnRelease:
        """Sign a release; `changes` are lies about its archive."""
        archive = self.folder / f"mrk-{version}.tar"
        write_archive(archive, {f"mrk-{version}-py3-none-any.whl": wheel(version, fails)})
        told: Archive = msgspec.structs.replace(describe(archive), **changes)
        release = OwnRelease(
            form=FORM, version=version, channel="stable", archives={machine_name(): told}
        )
        document = msgspec.json.encode(release)
        (self.folder / "release.json").write_bytes(document)
        (self.folder / "release.json.sig").write_bytes(signature(self.key, document))
        return release
