"""Runs commands as root: who asks for root, and the password.

The password lives in this object only: it reaches sudo through its input, never through
arguments, logs or messages. No task of its own; a command ends by its deadline.
"""

import logging
import os
import pwd
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import trio

from config.secret import Secret
from mrk.clients.registry import Clients
from mrk.errors import ClientError
from mrk.machine.host_access import RootCommand
from mrk.machine.host_commands import CommandResult, CommandUnavailable, FedCommands
from mrk.machine.services import ServiceAway, ServiceError, StillUnderWay

logger = logging.getLogger(__name__)
# PAM waits some seconds after each wrong password, and sudo asks three times.
_CHECK_S = 10.0
_COMMAND_S = 30.0
# sudo's words with LC_ALL=C when it is the password that it misses.
_MISSED = ("password is required", "incorrect password", "no password was", "terminal is required")
_MOST_REQUESTS = 20
_MOST_PASSWORD_BYTES = 1000
_SHOWN_CHARS = 300

Perform = Callable[[], Awaitable[str]]


class SudoAlert(msgspec.Struct, frozen=True):
    """notify_sudo_alert."""

    sudo_requested: bool
    request_messages: list[str]


class PasswordNeeded(ServiceError):
    """sudo wants a password and has none, or not the right one."""


class SudoRequest(msgspec.Struct, frozen=True):
    """What waits for root: shown as `message`; `perform` returns what it did, as text."""

    message: str
    perform: Perform | None


class Sudo:
    """`password` is the configured one; `as_root` None asks the system who we are."""

    def __init__(
        self,
        commands: FedCommands,
        clients: Clients,
        password: Secret | None = None,
        *,
        as_root: bool | None = None,
        user: str | None = None,
    ) -> None:
        self._commands = commands
        self._clients = clients
        self._password = password or None
        self._as_root = os.geteuid() == 0 if as_root is None else as_root
        self.user = _user() if user is None else user
        self._requests: dict[str, SudoRequest] = {}
        self._checking = False

    async def set_password(self, text: str) -> list[str]:
        """Keep a password if it is right, and run what waits for it.

        Returns what each request says that was carried out; raises `ClientError` 400, 409 or 500.
        """
        if self._checking:
            raise ClientError("Another sudo password is being checked; try again", 409)
        self._checking = True
        try:
            await self._accept(Secret(text))
            return await self._perform_requests()
        finally:
            self._checking = False

    @property
    def alert(self) -> SudoAlert:
        """What waits for root."""
        return SudoAlert(bool(self._requests), list(self._requests))

    async def _accept(self, password: Secret) -> None:
        text = password.reveal()
        if not text or any(end in text for end in "\n\r\0") or len(text) > _MOST_PASSWORD_BYTES:
            raise ClientError("Argument 'password' cannot be a password (expected one line)")
        # What was known is forgotten, whether the new one is right or not.
        self._password = None
        if not self._as_root and not await self._tried(password):
            raise ClientError(f"sudo did not accept this password for user '{self.user}'")
        self._password = password

    async def _perform_requests(self) -> list[str]:
        done, failed = [], []
        for request in list(self._requests.values()):
            try:
                done.append(await request.perform() if request.perform else request.message)
            except ServiceError as exc:
                failed.append(f"{request.message}: {exc}")
                continue
            self._requests.pop(request.message, None)
        if done:
            self._notify()
        if failed:
            raise ClientError("\n".join(failed), 500)
        return done

    def request(self, message: str, perform: Perform | None = None) -> None:
        """Ask people for the password (for siblings); the same message is asked once.

        `perform` runs when it was given, and raises `ServiceError`.
        """
        if message in self._requests or len(self._requests) >= _MOST_REQUESTS:
            return
        self._requests[message] = SudoRequest(message, perform)
        logger.warning("root permission is needed: %s", message)
        self._notify()

    async def has_access(self) -> bool:
        """Whether commands can be run as root now, with the password or without."""
        return self._as_root or await self._tried(self._password)

    async def run_checked(self, argv: Sequence[str], doing: str) -> CommandResult:
        """Run `argv` as root; raises `ServiceError` unless it ends with 0.

        `doing` is for messages: `restart klipper`. A missing password is asked for.
        """
        result = await self.run(argv, doing)
        if result.status == 0:
            return result
        said = result.stderr.decode("utf-8", "replace").strip()[:_SHOWN_CHARS]
        raise ServiceError(f"Could not {doing}: {said or f'it ended with {result.status}'}")

    async def run(self, argv: Sequence[str], doing: str) -> CommandResult:
        """Run `argv` as root and return how it ended; raises `ServiceError` if it could not."""
        try:
            with trio.fail_after(_COMMAND_S):
                result = await self._run(argv, self._password)
        except trio.TooSlowError as exc:
            text = f"'{argv[0]}' did not {doing} within {_COMMAND_S:g} s; it may still do so"
            raise StillUnderWay(text) from exc
        except CommandUnavailable as exc:
            raise ServiceAway(f"Could not {doing}: {exc}") from exc
        if result.status != 0:
            needed = self.password_needed(result.stderr.decode("utf-8", "replace"), doing)
            if needed is not None:
                raise PasswordNeeded(needed)
        return result

    def password_needed(self, said: str, doing: str) -> str | None:
        """`RootCommands.password_needed`."""
        if self._as_root or not _misses_password(said):
            return None
        self.request(f"The sudo password is needed to {doing}", self._confirm)
        return (
            f"Could not {doing}: sudo wants the password of user '{self.user}'. Give it with "
            "machine.sudo.password or as 'sudo_password' in [machine], then try again"
        )

    async def _confirm(self) -> str:
        # What was wished before may be unwanted by now: who wished it asks again.
        if not await self.has_access():
            raise ServiceError("sudo still refuses")
        return "Root permission granted; please repeat what was refused"

    async def _tried(self, password: Secret | None) -> bool:
        """Whether sudo runs a command; `-k` keeps an earlier success from answering for it."""
        with trio.move_on_after(_CHECK_S):
            try:
                result = await self._run(["true"], password, "-k")
            except CommandUnavailable as exc:
                logger.warning("no root permission: %s", exc)
                return False
            return result.status == 0
        return False

    async def _run(
        self, argv: Sequence[str], password: Secret | None, *options: str
    ) -> CommandResult:
        command = self._command(argv, password, *options)
        return await self._commands.run(command.argv, command.given)

    def as_root(self, argv: Sequence[str]) -> RootCommand:
        """`RootCommands.as_root`."""
        return self._command(argv, self._password)

    def _command(self, argv: Sequence[str], password: Secret | None, *options: str) -> RootCommand:
        if self._as_root:
            return RootCommand(tuple(argv))
        sudo = ("env", "LC_ALL=C", "sudo", *options)
        if password is None:
            return RootCommand((*sudo, "-n", "--", *argv))
        given = f"{password.reveal()}\n".encode()
        return RootCommand((*sudo, "-S", "-p", "", "--", *argv), given)

    def _notify(self) -> None:
        self._clients.broadcast_behind_answer("notify_sudo_alert", [self.alert])


def _misses_password(said: str) -> bool:
    return any(
        line.startswith("sudo:") and any(word in line for word in _MISSED)
        for line in said.splitlines()
    )


def _user() -> str:
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        # Containers run users that no file names.
        return str(uid)
