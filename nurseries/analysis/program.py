"""The program klipper_estimator, where somebody put it into the data folder.

Found as `tools/klipper_estimator/klipper_estimator_<build>`; each run is a process with a limit,
ended when it takes longer. It gets its configuration as a file and never talks to mrk itself.
"""

import os
import subprocess
from pathlib import Path
from typing import Any

import trio

from mrk import foreign_json
from mrk.errors import ClientError
from mrk.estimate.sequences import joined_sequences

VERSION_LIMIT_S = 10.0
_NAME = "klipper_estimator"
_BUILDS = {"x86_64": "linux", "armv7l": "rpi", "aarch64": "rpi"}
_SAID_CHARS = 300


class EstimatorProgram:
    """`version` is None while the program is not there, or does not say one."""

    def __init__(self, tools: Path, build: str) -> None:
        if build == "auto":
            build = _BUILDS.get(os.uname().machine, "unknown")
        self.name = f"{_NAME}_{build}" if build != "unknown" else build
        self.version: str | None = None
        self._path = tools / self.name

    async def look(self) -> None:
        """Find out whether it is there and which version it is."""
        self.version = None
        if not await trio.to_thread.run_sync(os.access, self._path, os.X_OK):
            return
        try:
            said = await self._run(VERSION_LIMIT_S, "--version")
        except ClientError:
            return
        words = said.decode(errors="replace").split()
        if len(words) > 1 and words[0] == _NAME:
            self.version = words[1][:60]

    async def estimate(self, file: Path, config: Path, limit_s: float) -> dict[str, Any]:
        """Times of a file, all of its sequences summed up; raises `ClientError`."""
        said = await self._run(
            limit_s, "--config_file", str(config), "estimate", str(file), "-f", "json"
        )
        try:
            return joined_sequences(foreign_json.decode(said))
        except ValueError as exc:
            raise ClientError(f"{self.name} answered nonsense: {exc}", 500) from exc

    async def process(self, file: Path, config: Path, limit_s: float) -> None:
        """Have it write its times into a file; raises `ClientError`."""
        await self._run(limit_s, "--config_file", str(config), "post-process", str(file))

    async def _run(self, limit_s: float, *arguments: str) -> bytes:
        """What it prints; raises `ClientError` 400 when it is not there, 500 when it fails."""
        try:
            with trio.fail_after(limit_s):
                done = await trio.run_process(
                    [str(self._path), *arguments],
                    capture_stdout=True,
                    capture_stderr=True,
                    check=False,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                    deliver_cancel=_kill,
                )
        except trio.TooSlowError as exc:
            raise ClientError(f"{self.name} ran longer than {limit_s:g} s", 500) from exc
        except OSError as exc:
            raise ClientError(f"{self.name} does not start: {exc.strerror}") from exc
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()[-_SAID_CHARS:]
            raise ClientError(f"{self.name} ended with {done.returncode}: {said}", 500)
        return done.stdout


async def _kill(process: trio.Process) -> None:
    process.kill()
    await trio.lowlevel.checkpoint_if_cancelled()
