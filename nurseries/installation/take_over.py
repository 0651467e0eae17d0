"""Taking over from Moonraker, and switching back; whoever is interrupted, one of them runs.

What is under way stands in `systemd/mrk-take-over.trying.json` of the data folder, which becomes
`mrk-take-over.json` by a rename once mrk has answered. Each attempt holds a lock; a guard process
waits for it (`guard.py`), and finds the attempt unfinished when this process was killed.
"""

import contextlib
import datetime
import fcntl
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from mrk import foreign_json
from mrk.errors import MrkError
from mrk.foreign_json import NotJson
from nurseries.installation.daemon_probe import HttpAddress, wait_for_daemon
from nurseries.installation.history_export import export_history
from nurseries.installation.service_files import PlannedFile, ServiceFiles, enabling_link
from nurseries.installation.target_system import HostUser, TargetSystem
from nurseries.installation.unit_switch import UnitSwitch

PATIENCE_S = 60.0
_TRYING = "systemd/mrk-take-over.trying.json"
_DONE = "systemd/mrk-take-over.json"
_LOCK = "systemd/.mrk-take-over.lock"
_KEPT_DATABASE = "mrk.db.before-take-over"
# Until a guard whose lock is free has ended.
_GUARD_S = 20.0


class TakeOver(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt, as it is kept: `goes_back` in a switch back, which leaves mrk's database."""

    switch: UnitSwitch
    user: str
    unix_socket: str
    host: str | None
    port: int
    had_database: bool
    route_prefix: str = ""
    was_active: bool = True
    goes_back: bool = False


class Attempts:
    """Take-overs of one data folder. `tell` shows a person what is done now."""

    def __init__(
        self,
        host: TargetSystem,
        user: HostUser,
        data: Path,
        tell: Callable[[str], None],
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._host = host
        self.user = user
        self._data = data
        self._folder = host.at(data)
        self._tell = tell
        self._patience_s = patience_s
        self._files = ServiceFiles(host, user, str(data))

    def finished(self) -> TakeOver | None:
        """The take-over that holds; None when there is none."""
        return self._read(_DONE)

    def expect_something(self) -> None:
        """Raises `MrkError` when there is nothing to switch back."""
        if self._read(_TRYING) is None:
            self._held()

    def _held(self) -> TakeOver:
        attempt = self.finished()
        if attempt is None:
            raise MrkError(f"mrk has not taken over in {self._data}: nothing to switch back")
        return attempt

    def take_over(
        self, attempt: TakeOver, files: list[PlannedFile], drop_in: str, importing: list[str]
    ) -> None:
        """Do all of it, or put everything back and raise `MrkError` with the reason."""
        switch, is_stopped = attempt.switch, False
        with contextlib.ExitStack() as after, self._alone():
            self.recover()
            self._start_guard(after)
            try:
                self._files.write_users(_TRYING, msgspec.json.encode(attempt).decode())
                self._files.write(switch.own, files)
                switch.stage(self._host, drop_in)
                self._keep_database(attempt)
                self._tell(f"stopping {switch.old}")
                is_stopped = True
                self._host.systemctl("stop", switch.old)
                self._import(importing)
                self._to_new(attempt)
                self._prove(attempt, is_mrk=True)
            except (MrkError, OSError, sqlite3.Error) as exc:
                self._tell(f"putting everything back: {exc}")
                if is_stopped:
                    self._to_old(attempt)
                self._forget(attempt)
                raise MrkError(f"nothing was changed: {exc}") from exc
            (self._folder / _TRYING).rename(self._folder / _DONE)
            (self._folder / "database" / _KEPT_DATABASE).unlink(missing_ok=True)
            if not switch.keep_name:
                self._enable(switch.own)

    def _enable(self, name: str) -> None:
        """The old unit's own link starts the alias already; this is for those who look for mrk."""
        try:
            self._files.write(name, [enabling_link(name)])
            self._host.systemctl("daemon-reload")
        except MrkError as exc:
            self._tell(f"warning: systemctl enable {name} is left to you: {exc}")

    def switch_back(self) -> Path | None:
        """Undo a take-over; returns where the history was written. Raises `MrkError`."""
        with contextlib.ExitStack() as after, self._alone():
            if self.recover():
                return None
            attempt = self._held()
            going = msgspec.structs.replace(attempt, goes_back=True)
            self._start_guard(after)
            self._files.write_users(_TRYING, msgspec.json.encode(going).decode())
            try:
                # On a full disk mrk lets nobody else read its database.
                self._host.systemctl("stop", attempt.switch.new)
                exported = self._export()
                self._to_old(going)
                self._prove(going, is_mrk=False)
            except MrkError as exc:
                self._tell(f"mrk goes on: {exc}")
                self._to_new(going)
                (self._folder / _TRYING).unlink()
                raise MrkError(f"{attempt.switch.old} did not come back: {exc}") from exc
            self._forget(going)
            return exported

    def recover(self) -> bool:
        """Put back what an attempt left unfinished; whether there was one. Under the lock."""
        attempt = self._read(_TRYING)
        if attempt is None:
            return False
        self._tell("an attempt was interrupted: putting everything back")
        self._to_old(attempt)
        self._forget(attempt)
        return True

    def recover_interrupted(self) -> None:
        """Put back at once what an attempt left unfinished."""
        if (self._folder / _TRYING).exists():
            with self._alone():
                self.recover()

    def recover_when_free(self) -> bool:
        """Wait until nobody is at it, then `recover`."""
        with self._alone(waiting=True):
            return self.recover()

    def _to_new(self, attempt: TakeOver) -> None:
        switch = attempt.switch
        if attempt.goes_back:
            self._host.systemctl("stop", switch.old)
        switch.swap_in(self._host)
        self._host.systemctl("daemon-reload")
        self._tell(f"starting mrk as {switch.new}")
        self._host.systemctl("start", "--no-block", switch.new)

    def _to_old(self, attempt: TakeOver) -> None:
        switch = attempt.switch
        # One that does not exist yet cannot be stopped.
        with contextlib.suppress(MrkError):
            self._host.systemctl("stop", switch.new)
        switch.swap_out(self._host)
        self._host.systemctl("daemon-reload")
        if not attempt.goes_back:
            self._restore_database(attempt)
        if attempt.was_active:
            self._tell(f"starting {switch.old} as it was")
            self._host.systemctl("start", "--no-block", switch.old)

    def _forget(self, attempt: TakeOver) -> None:
        """Remove everything but what the user keeps; the records last."""
        attempt.switch.unstage(self._host)
        self._files.remove()
        self._host.systemctl("daemon-reload")
        (self._folder / _DONE).unlink(missing_ok=True)
        (self._folder / _TRYING).unlink(missing_ok=True)

    def _prove(self, attempt: TakeOver, *, is_mrk: bool) -> None:
        self._tell(f"waiting up to {self._patience_s:.0f} s for server.info")
        missing = wait_for_daemon(
            Path(attempt.unix_socket),
            HttpAddress(attempt.host, attempt.port, attempt.route_prefix),
            self._patience_s,
            is_mrk=is_mrk,
        )
        if missing is not None:
            raise MrkError(f"no server.info within {self._patience_s:.0f} s: {missing}")

    def _import(self, command: list[str]) -> None:
        if not command:
            return
        self._tell("importing the database")
        as_user = {"user": self.user.uid, "group": self.user.gid, "extra_groups": [self.user.gid]}
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd="/",
            **(as_user if os.geteuid() == 0 != self.user.uid else {}),  # type: ignore[call-overload]
        )
        for line in done.stdout.splitlines():
            self._tell(f"  {line}")
        if done.returncode:
            raise MrkError(f"the database cannot be imported: {done.stdout.strip()[-300:]}")

    def _keep_database(self, attempt: TakeOver) -> None:
        if not attempt.had_database:
            return
        folder = self._folder / "database"
        kept, part = folder / _KEPT_DATABASE, folder / f".{_KEPT_DATABASE}.part"
        part.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(folder / "mrk.db")) as connection:
            connection.execute("VACUUM INTO ?", (str(part),))
        os.chmod(part, 0o600)
        self._files.give(part)
        part.replace(kept)

    def _restore_database(self, attempt: TakeOver) -> None:
        folder = self._folder / "database"
        kept = folder / _KEPT_DATABASE
        (folder / f".{_KEPT_DATABASE}.part").unlink(missing_ok=True)
        if attempt.had_database and not kept.exists():
            return
        for name in ("mrk.db-wal", "mrk.db-shm"):
            (folder / name).unlink(missing_ok=True)
        if attempt.had_database:
            kept.replace(folder / "mrk.db")
        else:
            (folder / "mrk.db").unlink(missing_ok=True)

    def _export(self) -> Path | None:
        stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
        text = export_history(self._folder / "database" / "mrk.db")
        if text is None:
            return None
        name = f"mrk-history-{stamp}.json"
        self._files.write_users(name, text)
        return self._data / name

    def _read(self, name: str) -> TakeOver | None:
        try:
            return foreign_json.decode((self._folder / name).read_bytes(), TakeOver)
        except FileNotFoundError:
            return None
        except (OSError, NotJson) as exc:
            raise MrkError(f"{self._folder / name} cannot be read: {exc}") from exc

    @contextlib.contextmanager
    def _alone(self, *, waiting: bool = False) -> Iterator[None]:
        """The lock; the kernel frees it when its holder is killed."""
        path = self._folder / _LOCK
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # As root in a user's folder: not through a link, which could lead to any file.
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(path, flags, 0o600)
            if os.geteuid() == 0:
                os.fchown(descriptor, self.user.uid, self.user.gid)
        except OSError as exc:
            raise MrkError(f"{path}: {exc.strerror}") from exc
        try:
            if waiting:
                print("waiting", flush=True)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            else:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise MrkError("another take-over of this data folder is under way") from None
        finally:
            os.close(descriptor)

    def _start_guard(self, after: contextlib.ExitStack) -> None:
        """A process of root's that outlives this one; it ends as soon as the lock is free."""
        sudo = [] if os.geteuid() == 0 else ["sudo"]
        module = [sys.executable, "-P", "-m", "nurseries.installation.guard"]
        words = [self.user.name, str(self._data), str(self._host.root)]
        guard = subprocess.Popen(
            [*sudo, *module, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        after.callback(guard.wait, _GUARD_S)
        assert guard.stdout is not None
        with guard.stdout as said:
            if said.readline().strip() != b"waiting":
                raise MrkError("the guard of the take-over does not start")
