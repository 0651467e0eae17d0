"""A folder of wheels in place of a package index, and environments that take from it alone."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path


def wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    requires: tuple[str, ...] = (),
    release_info: dict[str, object] | None = None,
) -> Path:
    """A wheel with a module and a command of its name, which says the version."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}/__init__.py": f'VERSION = "{version}"\n\n\ndef main():\n    print(VERSION)\n',
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        + "Project-URL: Repository, https://github.com/owner/thing\n"
        + "Project-URL: Changelog, https://example.org/changes\n"
        + "".join(f"Requires-Dist: {other}\n" for other in requires),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {module}:main\n",
    }
    if release_info is not None:
        files[f"{module}/release_info"] = json.dumps(release_info)
    record = "".join(f"{path},,\n" for path in files)
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as zipped:
        for file, text in files.items():
            zipped.writestr(file, text)
    return path


def index(folder: Path) -> dict[str, str]:
    """Variables with which pip takes wheels of that folder only."""
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_NO_CACHE_DIR": "1"}


def environment(path: Path) -> Path:
    """An environment with pip; takes some seconds."""
    subprocess.run([sys.executable, "-m", "venv", str(path)], check=True, capture_output=True)
    return path


def pip(path: Path, folder: Path, *arguments: str) -> None:
    """Run the environment's pip on that folder of wheels."""
    command = [str(path / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, capture_output=True, env={**index(folder), "PATH": "/bin"})


def said(path: Path, name: str) -> str:
    """What the command of a wheel says."""
    done = subprocess.run([str(path / "bin" / name)], check=True, capture_output=True, text=True)
    return done.stdout.strip()
