"""Builds the archive: wheels of mrk and of what it needs, pinned, with their hashes.

The wheels are those of `requirements.lock` that mrk itself needs, for this machine's architecture
and Python; what has no wheel on the index is built here, so that no printer needs a compiler.
"""

import hashlib
import importlib.metadata
import io
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from mrk.installation.release import FORM, Archive, OwnRelease, check_version, parse_release
from mrk.updates.python_package import normalized
from mrk.version import VERSION
from nurseries.installation.release_source import Origin, machine_name
from releasing.keys import public_text, read_key, signature

ROOT = Path(__file__).parents[1]
_ORIGIN = ROOT / "nurseries/installation/release_origin.json"
_INSTALL = ROOT / "releasing/install.sh"
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def build_release(
    key_file: Path, url: str, out: Path, channel: str = "stable", notes: str = ""
) -> list[Path]:
    """Archive, `release.json` and its signature in `out`; archives of other machines stay."""
    key = read_key(key_file)
    check_version(VERSION)
    wheels = out / f"wheels-{VERSION}-{machine_name()}"
    wheels.mkdir(parents=True, exist_ok=True)
    for old in wheels.glob("*.whl"):
        old.unlink()
    _build_wheels(wheels, Origin(url=url, public_key=public_text(key)))
    archive = out / f"mrk-{VERSION}-{machine_name()}.tar"
    write_archive(archive, {path.name: path.read_bytes() for path in sorted(wheels.iterdir())})
    document = _document(out / "release.json", archive, channel, notes)
    (out / "release.json").write_bytes(document)
    (out / "release.json.sig").write_bytes(signature(key, document))
    return [archive, out / "release.json", out / "release.json.sig"]


def write_archive(target: Path, wheels: Mapping[str, bytes]) -> None:
    """The tar: wheels, their hashes, and the script of a first installation."""
    members = {f"wheels/{name}": data for name, data in wheels.items()}
    members["requirements.txt"] = "".join(_requirements(wheels)).encode()
    members["install"] = _INSTALL.read_bytes()
    with tarfile.open(target, "w") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755 if name == "install" else 0o644
            archive.addfile(entry, io.BytesIO(data))


def describe(archive: Path) -> Archive:
    """What `release.json` says of an archive that lies beside it."""
    data = archive.read_bytes()
    return Archive(url=archive.name, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


def _build_wheels(wheels: Path, origin: Origin) -> None:
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check",
           "--no-deps", "--wheel-dir", str(wheels)]  # fmt: skip
    pins = wheels.with_name(f"{wheels.name}.txt")
    pins.write_text("".join(f"{pin}\n" for pin in _pins()))
    subprocess.run([*pip, "-r", str(pins)], check=True)
    _ORIGIN.write_bytes(msgspec.json.encode(origin))
    try:
        subprocess.run([*pip, str(ROOT)], check=True)
    finally:
        _ORIGIN.unlink()


def _pins() -> list[str]:
    """`name==version` of everything that mrk needs without extras, from `requirements.lock`."""
    locked = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if "==" in line and not line.startswith((" ", "#")):
            name, version = line.split("==")
            locked[normalized(name)] = f"{name}=={version.split(' ')[0]}"
    needed: set[str] = set()
    waiting = ["mrk"]
    while waiting:
        for name in _needs(waiting.pop()):
            if name not in needed:
                needed.add(name)
                waiting.append(name)
    missing = sorted(needed - set(locked))
    if missing:
        raise ValueError(f"requirements.lock lacks {', '.join(missing)}")
    return sorted(locked[name] for name in needed)


def _needs(name: str) -> Iterator[str]:
    for requirement in importlib.metadata.requires(name) or []:
        text, _, marker = requirement.partition(";")
        found = _NAME.match(text)
        # Of the markers only extras, Windows and old Pythons occur; a wheel too much does no harm.
        skipped = "extra ==" in marker or "win32" in marker or "Windows" in marker
        if found and not skipped and not re.search(r"python(_full)?_version\s*<", marker):
            if "implementation" in marker and "CPython" not in marker.replace("!=", ""):
                continue
            yield normalized(found[0])


def _requirements(wheels: Mapping[str, bytes]) -> Iterator[str]:
    for name, data in wheels.items():
        project, version = name.split("-")[:2]
        yield f"{project}=={version} --hash=sha256:{hashlib.sha256(data).hexdigest()}\n"


def _document(file: Path, archive: Path, channel: str, notes: str) -> bytes:
    archives = {machine_name(): describe(archive)}
    if file.exists():
        before = parse_release(file.read_bytes())
        if before.version == VERSION:
            archives = {**before.archives, **archives}
    release = OwnRelease(
        form=FORM, version=VERSION, channel=channel, archives=archives, notes=notes
    )
    return msgspec.json.format(msgspec.json.encode(release)) + b"\n"
