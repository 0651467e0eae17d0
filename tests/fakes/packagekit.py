"""A stand-in for PackageKit and polkit on a private bus, as far as updates need them."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import jeepney
import trio
from jeepney.io.trio import DBusConnection, open_dbus_connection

NAME = "org.freedesktop.PackageKit"
POLKIT = "org.freedesktop.PolicyKit1"
TRANSACTION = "org.freedesktop.PackageKit.Transaction"
PROPERTIES = "org.freedesktop.DBus.Properties"


@dataclass
class FakePackageKit:
    """`installed` and `available` are versions by name; methods in `silent` never finish."""

    installed: dict[str, str] = field(default_factory=dict)
    available: dict[str, str] = field(default_factory=dict)
    allowed: bool = True
    failing: dict[str, str] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)
    connection: DBusConnection | None = None
    _transactions: int = 0

    @contextlib.asynccontextmanager
    async def on(self, address: str) -> AsyncIterator["FakePackageKit"]:
        """Answer on that bus while the block lasts."""
        connection = await open_dbus_connection(address)
        async with connection, trio.open_nursery() as nursery:
            self.connection = connection
            for name in (NAME, POLKIT):
                async with connection.router() as router:
                    await router.send_and_get_reply(jeepney.DBus().RequestName(name))
            nursery.start_soon(self._serve, connection)
            yield self
            nursery.cancel_scope.cancel()

    async def _serve(self, connection: DBusConnection) -> None:
        gone = (trio.EndOfChannel, trio.BrokenResourceError, trio.ClosedResourceError)
        with contextlib.suppress(*gone):
            while True:
                message = await connection.receive()
                if message.header.message_type is jeepney.MessageType.method_call:
                    await self._answer(connection, message)

    async def _answer(self, connection: DBusConnection, message: Any) -> None:
        fields = message.header.fields
        member = fields[jeepney.HeaderFields.member]
        path = fields[jeepney.HeaderFields.path]
        if member == "CreateTransaction":
            self._transactions += 1
            reply: tuple[Any, ...] = ("o", (f"/{self._transactions}_abcd",))
        elif member == "CheckAuthorization":
            reply = ("(bba{ss})", ((self.allowed, False, {}),))
        else:
            reply = ()
        await connection.send(jeepney.new_method_return(message, *reply))
        if path.endswith("_abcd") and member != "SetHints":
            self.done.append(member)
            await self._run(path, member, message.body)

    async def _run(self, path: str, member: str, body: tuple[Any, ...]) -> None:
        if member == "Cancel" or member in self.silent:
            return
        status = {"Status": ("u", 8), "Percentage": ("u", 42)}
        await self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", ("", status, []))
        if member in self.failing:
            await self._signal(path, TRANSACTION, "ErrorCode", "us", (4, self.failing[member]))
            await self._signal(path, TRANSACTION, "Finished", "uu", (2, 10))
            return
        for name, version in self._found(member, body).items():
            body_ = (12, f"{name};{version};arm64;repo", f"The package {name}")
            await self._signal(path, TRANSACTION, "Package", "uss", body_)
        await self._signal(path, TRANSACTION, "Finished", "uu", (1, 10))

    def _found(self, member: str, body: tuple[Any, ...]) -> dict[str, str]:
        newer = {n: v for n, v in self.available.items() if self.installed.get(n, v) != v}
        if member == "GetUpdates":
            return newer
        if member == "Resolve":
            wanted = {n: v for n, v in self.available.items() if n in body[1]}
            return {n: v for n, v in wanted.items() if n not in self.installed}
        if member in ("UpdatePackages", "InstallPackages"):
            names = [package.split(";")[0] for package in body[1]]
            self.installed.update({name: self.available[name] for name in names})
            return {name: self.available[name] for name in names}
        return {}

    async def _signal(
        self, path: str, interface: str, member: str, signature: str, body: tuple[Any, ...]
    ) -> None:
        assert self.connection is not None
        address = jeepney.DBusAddress(path, interface=interface)
        await self.connection.send(jeepney.new_signal(address, member, signature, body))
