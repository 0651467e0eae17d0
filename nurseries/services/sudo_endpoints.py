"""machine.sudo.*: what needs root permission, and the password for it."""

import msgspec

from mrk.access.redacted import Redacted
from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, get, post
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from nurseries.services.sudo import Sudo


class SudoInfoParams(msgspec.Struct, frozen=True):
    """`check_access` runs a command as root."""

    check_access: bool = False


class SudoInfo(msgspec.Struct, frozen=True):
    """Who we are, and what root is needed for; `sudo_access` None: not checked."""

    sudo_access: bool | None
    linux_user: str
    sudo_requested: bool
    request_messages: list[str]


class SudoPasswordParams(Redacted, frozen=True):
    """The password of our own user."""

    password: str

    def __repr__(self) -> str:
        return "PasswordParams(<hidden>)"


class PasswordAnswer(msgspec.Struct, frozen=True):
    """One text for the password and one for each request that was carried out."""

    sudo_responses: list[str]
    is_restarting: bool = False


class SudoEndpoints:
    """The declarations and handlers."""

    def __init__(self, sudo: Sudo) -> None:
        self._sudo = sudo

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return [
            get(
                "/machine/sudo/info",
                self.info,
                "This server's user and what it needs root permission for.",
                Access.VIEW,
                SudoInfoParams,
                SudoInfo,
            ),
            post(
                "/machine/sudo/password",
                self.set_password,
                "Give the sudo password, kept in memory, and run what waits for it.",
                Access.ADMIN,
                SudoPasswordParams,
                PasswordAnswer,
            ),
        ]

    async def info(self, params: SudoInfoParams, caller: Caller) -> SudoInfo:
        """Who we are; raises `ClientError` 403 when a viewer wants a command run."""
        access = None
        if params.check_access:
            if caller.role < Role.ADMIN:
                raise ClientError("Argument 'check_access' needs the role admin", 403)
            access = await self._sudo.has_access()
        alert = self._sudo.alert
        return SudoInfo(access, self._sudo.user, alert.sudo_requested, alert.request_messages)

    async def set_password(self, params: SudoPasswordParams, _caller: Caller) -> PasswordAnswer:
        """Try a password and keep it if it is right; raises `ClientError` 400, 409 or 500."""
        done = await self._sudo.set_password(params.password)
        return PasswordAnswer(["Password accepted", *done])
