"""printer.* endpoints: Klippy's own passed through, print and restart, clients' subscriptions.

`serve` adds endpoints to the table as Klipper tells them; it ends when cancelled. Status goes
to clients straight from the link's reader, through `ClientReader`.
"""

import contextlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
import trio

from mrk.access.reasons import Reason
from mrk.api.arguments import objects_query
from mrk.api.caller import EVERYWHERE, Caller, Transport
from mrk.api.endpoint import Access, Endpoint, NoParams
from mrk.clients.registry import Client, Clients
from mrk.errors import ClientError
from mrk.jobs.job_protocols import PrintStarts
from mrk.jobs.starters import Starters
from mrk.klippy.access import klippy_access
from mrk.klippy.events import EndpointsListed
from mrk.klippy.klippy_protocols import CommandLog, KlippyRequests
from mrk.klippy.link_errors import KlippyLost
from mrk.klippy.requests import (
    check_arguments,
    check_objects,
    check_script,
    is_stop,
    print_file_script,
    printed_name,
)
from mrk.status.subscriptions import check_size, wanted
from mrk.status.update import StatusUpdate

Extend = Callable[[list[Endpoint]], list[Endpoint]]

# Ours or Klippy's own business; never offered to clients.
NOT_OFFERED = frozenset({"list_endpoints", "gcode/subscribe_output", "register_remote_method"})
BOTH_VERBS = ("GET", "POST")
SUBSCRIBE_TRANSPORTS = frozenset({Transport.HTTP, Transport.WEBSOCKET, Transport.UNIX})
# A slicer may upload with "print" and then ask to print the same file once more.
START_AGAIN_S = 10.0
_ENDPOINT_NAME = re.compile(r"[A-Za-z0-9_\-]+(/[A-Za-z0-9_\-]+)*")
_SUMMARIES = {
    "info": "Describe the printer host process and its state.",
    "emergency_stop": "Halt the printer at once and put it in the shutdown state.",
    "objects/list": "List the printer objects that can be queried.",
    "objects/query": "Read the current fields of printer objects.",
    "objects/subscribe": "Subscribe this connection to changes of printer objects.",
    "gcode/script": "Run g-code; answers when the last command has run.",
    "gcode/help": "List the g-code commands that have a description.",
    "gcode/restart": "Run RESTART inside the printer host.",
    "gcode/firmware_restart": "Run FIRMWARE_RESTART inside the printer host.",
    "query_endstops/status": "Read the endstops.",
    "pause_resume/pause": "Run the printer's PAUSE command.",
    "pause_resume/resume": "Run the printer's RESUME command.",
    "pause_resume/cancel": "Run the printer's CANCEL_PRINT command.",
    "bed_mesh/dump_mesh": "Read the bed mesh and its stored profiles.",
}


class PrintStartParams(msgspec.Struct, frozen=True):
    """`filename` is relative to the gcodes root."""

    filename: str


class ScriptParams(msgspec.Struct, frozen=True):
    """One or more g-code commands, separated by newlines."""

    script: str


class ObjectsParams(msgspec.Struct, frozen=True):
    """Printer object -> null for every field, or the names of some."""

    objects: dict[str, list[str] | None]


class MeshParams(msgspec.Struct, frozen=True):
    """`mesh_args` adds calibration data."""

    mesh_args: dict[str, Any] | None = None


# What the pass-through endpoints of a usual Klipper take, for the reference.
_DESCRIBED: dict[str, type[msgspec.Struct]] = {
    "objects/query": ObjectsParams,
    "objects/subscribe": ObjectsParams,
    "gcode/script": ScriptParams,
    "bed_mesh/dump_mesh": MeshParams,
}


class ClientReader:
    """A client as a subscriber: changes go to its outbox while it may see them.

    `user` is who subscribed, over HTTP not always the socket's own.
    """

    __slots__ = ("client", "open", "user")

    def __init__(self, client: Client) -> None:
        self.client = client
        self.user: str | None = None
        self.open = True

    def push_status(self, update: StatusUpdate) -> None:
        """Called by the link's reader for every change of what the client subscribed to."""
        if self.client.authorized:
            self.client.outbox.status(update)


class Printer:
    """Answers for the printer; also runs g-code for subsystems (`GcodePort`).

    `extend` adds endpoints to the table (`Table.extend`); what mrk owns is not replaced there.
    `starts` hears who asked for a print.
    """

    def __init__(
        self,
        klippy: KlippyRequests,
        clients: Clients,
        commands: CommandLog,
        extend: Extend,
        starts: PrintStarts | None = None,
    ) -> None:
        self._klippy = klippy
        self._clients = clients
        self._commands = commands
        self._extend = extend
        self._starts: PrintStarts = Starters() if starts is None else starts
        self._offered: set[str] = set()
        self._readers: dict[int, ClientReader] = {}
        self._last_start = ("", float("-inf"))
        clients.on_departure(self._forget)
        clients.on_revoked(self._on_revoked)

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Offer Klippy's endpoints as they become known."""
        # Two lists per connection of Klipper; 16 would be eight restarts within one turn.
        with self._klippy.open_events("printer", 16, EndpointsListed) as events:
            self._offer(self._klippy.endpoint_names)
            task_status.started()
            async for event in events:
                assert isinstance(event, EndpointsListed)
                self._offer(event.names)

    def endpoints(self) -> list[Endpoint]:
        """Those that exist without Klipper."""
        return [
            _post("/printer/restart", NoParams, self.restart, "Restart the printer host software."),
            _post(
                "/printer/firmware_restart",
                NoParams,
                self.firmware_restart,
                "Restart the printer host software and reset the micro-controllers.",
            ),
            _post(
                "/printer/print/start",
                PrintStartParams,
                self.print_start,
                "Print a file; answers as soon as the printer accepted it.",
            ),
            _post("/printer/print/pause", NoParams, self.print_pause, "Pause the print."),
            _post("/printer/print/resume", NoParams, self.print_resume, "Resume the print."),
            _post("/printer/print/cancel", NoParams, self.print_cancel, "Cancel the print."),
        ]

    def usual_endpoints(self) -> list[Endpoint]:
        """What a usual Klipper adds, for the schema, which is made without one."""
        return [self._passed_through(name) for name in _SUMMARIES]

    def unlisted(self, path: str) -> Endpoint | None:
        """The endpoint at `path`, which Klippy may have; None once it has told which it has.

        Without Klippy it answers 503, as those that are known.
        """
        name = path.removeprefix("/printer/")
        if name == path or self._klippy.endpoint_names or not _may_be_offered(name):
            return None
        return self._passed_through(name)

    def _offer(self, names: Iterable[str]) -> None:
        new = [name for name in names if name not in self._offered and _may_be_offered(name)]
        self._offered.update(new)
        if new:
            self._extend([self._passed_through(name) for name in dict.fromkeys(new)])

    def _passed_through(self, name: str) -> Endpoint:
        match name:
            case "gcode/script":
                handler: Any = self.gcode_script
            case "objects/query":
                handler = self.objects_query
            case "objects/subscribe":
                handler = self.objects_subscribe
            case "emergency_stop":
                handler = self.emergency_stop
            case _:
                handler = self._forwarder(name)
        stops = name == "emergency_stop"
        about_objects = name in ("objects/query", "objects/subscribe")
        return Endpoint(
            f"/printer/{name}",
            BOTH_VERBS,
            NoParams if stops else None,
            handler,
            _SUMMARIES.get(name, f"Klippy's endpoint {name}, passed through."),
            access=klippy_access(name),
            rpc="printer." + name.replace("/", "."),
            query=objects_query if about_objects else None,
            urgent=is_stop if name == "gcode/script" else stops,
            described=_DESCRIBED.get(name),
            transports=SUBSCRIBE_TRANSPORTS if name == "objects/subscribe" else EVERYWHERE,
        )

    def _forwarder(self, name: str) -> Callable[..., Any]:
        async def forward(arguments: Mapping[str, Any], _caller: Caller) -> msgspec.Raw | str:
            return await self._klippy.request(name, check_arguments(arguments))

        return forward

    # Handlers

    async def gcode_script(
        self, arguments: Mapping[str, Any], _caller: Caller
    ) -> msgspec.Raw | str:
        """Waits without limit: a script may take as long as a print. M112 waits for nothing."""
        script = check_script(arguments)
        return await (self._stop(script) if is_stop(arguments) else self._run(script))

    async def emergency_stop(self, _params: NoParams, _caller: Caller) -> msgspec.Raw | str:
        """Overtakes everything that waits for Klipper."""
        return await self._klippy.request("emergency_stop", urgent=True)

    async def objects_query(
        self, arguments: Mapping[str, Any], _caller: Caller
    ) -> msgspec.Raw | str:
        """Answered by Klipper: unknown objects are empty, unknown fields null."""
        objects = check_objects(arguments, required=True)
        return await self._klippy.request("objects/query", {"objects": objects})

    async def objects_subscribe(
        self, arguments: Mapping[str, Any], caller: Caller
    ) -> dict[str, Any]:
        """Replace the connection's subscription; the answer is its initial state."""
        objects = check_objects(arguments, required=False)
        client = self._subscriber(caller)
        if caller.transport is not Transport.HTTP and not client.authorized:
            raise Reason.REVOKED.denied_call(caller.address)  # shut out since the call was accepted
        size_bytes = check_size(objects)
        reader = self._readers.setdefault(client.id, ClientReader(client))
        client.outbox.keep_subscription(size_bytes)
        reader.user = caller.user
        answer = await self._klippy.subscribe_reader(reader, wanted(objects))
        if not reader.open and client in self._clients:
            raise Reason.REVOKED.denied_call(caller.address)  # shut out while Klipper was asked
        # The answer holds newer values than whatever waits in the outbox. No await from here
        # to the reply: an update that comes now must follow it.
        client.outbox.drop_status()
        return answer

    def _subscriber(self, caller: Caller) -> Client:
        client = self._clients.get(caller.connection_id)
        if client is None:
            raise ClientError("A subscription needs the connection_id of an open websocket")
        if caller.transport is not Transport.HTTP:
            return client
        if client.transport is not Transport.WEBSOCKET:
            raise ClientError("connection_id does not belong to a websocket")
        # Ids are easily guessed, and a subscription replaces the one before.
        same_user = caller.user is not None and client.user == caller.user
        if not same_user and client.address != caller.address:
            raise ClientError("connection_id belongs to the websocket of somebody else", 403)
        return client

    def _forget(self, connection_id: int) -> None:
        reader = self._readers.pop(connection_id, None)
        if reader is not None:
            reader.open = False
            reader.client.outbox.keep_subscription(0)
            self._klippy.unsubscribe_reader(reader)

    def _on_revoked(self, username: str, shut_out: list[Client]) -> None:
        for reader in list(self._readers.values()):
            client = reader.client
            theirs = reader.user == username and client.transport is not Transport.UNIX
            if theirs or client in shut_out:
                client.outbox.drop_status()
                self._forget(client.id)

    async def restart(self, _params: NoParams, _caller: Caller) -> str:
        """RESTART; that the link drops meanwhile is the normal course."""
        return await self._restart("RESTART")

    async def firmware_restart(self, _params: NoParams, _caller: Caller) -> str:
        """FIRMWARE_RESTART."""
        return await self._restart("FIRMWARE_RESTART")

    async def _restart(self, command: str) -> str:
        with contextlib.suppress(KlippyLost):
            await self._run(command)
        return "ok"

    async def print_start(self, params: PrintStartParams, caller: Caller) -> str:
        """The file's existence is for Klipper to judge."""
        await self.start_print(params.filename, caller.user)
        return "ok"

    async def print_pause(self, _params: NoParams, _caller: Caller) -> msgspec.Raw | str:
        """Answers when PAUSE, or the macro in its place, has finished."""
        return await self._klippy.request("pause_resume/pause")

    async def print_resume(self, _params: NoParams, _caller: Caller) -> msgspec.Raw | str:
        """Answers when RESUME has finished."""
        return await self._klippy.request("pause_resume/resume")

    async def print_cancel(self, _params: NoParams, _caller: Caller) -> msgspec.Raw | str:
        """Answers when CANCEL_PRINT has finished."""
        return await self._klippy.request("pause_resume/cancel")

    # For subsystems

    async def run_gcode(self, script: str) -> None:
        """Run g-code; returns when the last command has run. Raises `ClientError`."""
        await self._run(script)

    async def start_print(self, filename: str, user: str | None = None) -> None:
        """Print a file, given relative to the gcodes root. Raises `ClientError`.

        Starting again what was started seconds ago and is printing now is no error. `user` asked
        for it.
        """
        script, name = print_file_script(filename), printed_name(filename)
        # Before the printer is asked: it may tell of the print before it answers.
        number = self._starts.note_start(name, user)
        refused: ClientError | None = None
        try:
            await self._run(script)
        except KlippyLost:
            raise
        except ClientError as exc:
            refused = exc
        if refused is None:
            self._starts.accept_start(number)
            self._last_start = (name, trio.current_time())
            return
        # Forgiven or not, it starts nothing: what begins later is not this user's.
        self._starts.forget_start(number)
        if not (self._started_lately(name) and await self._is_printing(name)):
            raise refused

    def _started_lately(self, name: str) -> bool:
        return self.started_within(START_AGAIN_S) == name

    def started_within(self, seconds: float) -> str | None:
        """The file whose start was acknowledged last, if that was less than `seconds` ago."""
        last_name, last_time = self._last_start
        return last_name if trio.current_time() - last_time < seconds else None

    async def _is_printing(self, name: str) -> bool:
        objects = {"print_stats": ["state", "filename"]}
        try:
            answer = await self._klippy.call("objects/query", {"objects": objects})
        except ClientError:
            return False
        status = answer.get("status") if isinstance(answer, dict) else None
        stats = status.get("print_stats") if isinstance(status, dict) else None
        return stats == {"state": "printing", "filename": name}

    async def _stop(self, script: str) -> msgspec.Raw | str:
        """Klipper would run it behind the script that runs now."""
        if self._klippy.klippy_connected:
            self._commands.record_command(script)
        return await self._klippy.request("emergency_stop", urgent=True)

    async def _run(self, script: str) -> msgspec.Raw | str:
        if self._klippy.klippy_connected:
            self._commands.record_command(script)
        return await self._klippy.request("gcode/script", {"script": script})


def _may_be_offered(name: str) -> bool:
    return name not in NOT_OFFERED and _ENDPOINT_NAME.fullmatch(name) is not None


def _post(path: str, params: type[msgspec.Struct], handler: Any, summary: str) -> Endpoint:
    return Endpoint(path, ("POST",), params, handler, summary, access=Access.OPERATE, result=str)
