"""server.spoolman.*: what clients may ask of the spool reporter, and through it of Spoolman."""

from typing import Protocol

import msgspec

from mrk import foreign_json
from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, get, post
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.foreign_json import NotJson
from mrk.http.client import Fetched
from mrk.spool.assignments import SpoolAssignments
from mrk.spool.choice import spool_choice
from mrk.spool.ledger import LEAST_MM
from mrk.spool.proxied import Proxied, ProxyParams, checked, error_text
from nurseries.spoolman.link import SpoolmanLink
from nurseries.spoolman.server import SpoolmanAway, SpoolmanServer

MOST_TOOLS = 100
MOST_TOOL_CHARS = 100
# Of no use to whoever reads an answer that was passed on.
_NOT_PASSED = frozenset({"connection", "transfer-encoding", "keep-alive", "set-cookie"})


class SpoolParams(msgspec.Struct, frozen=True):
    """Arguments of server.spoolman.post_spool_id."""

    spool_id: object = None


class ToolParams(msgspec.Struct, frozen=True):
    """Arguments of server.spoolman.post_tool_spool: Klipper's name of the extruder."""

    tool: str
    spool_id: object = None


class ReassignParams(msgspec.Struct, frozen=True):
    """Arguments of server.spoolman.reassign: from a spool, or null for what had none; to a spool,
    or null to forget."""

    spool_id: object = None
    to_spool_id: object = None


class ActiveSpool(msgspec.Struct, frozen=True):
    """Whom use is charged to."""

    spool_id: int | None


class ToolSpools(msgspec.Struct, frozen=True):
    """Spools of single extruders, by Klipper's names of them."""

    tool_spools: dict[str, int]


class PendingReport(msgspec.Struct, frozen=True):
    """Use in mm; `spool_id` null: no spool was active because the last one had vanished."""

    spool_id: int | None
    filament_used: float


class Reassigned(msgspec.Struct, frozen=True):
    """How many mm were charged anew, or forgotten."""

    filament_used: float


class SpoolStatus(msgspec.Struct, frozen=True):
    """`pending_reports` wait to be sent; those of `missing_spools` until the spool is there again.
    `lost_reports` are of spools that are gone for good."""

    spoolman_connected: bool
    pending_reports: list[PendingReport]
    spool_id: int | None
    missing_spools: list[int]
    lost_reports: list[PendingReport]
    tool_spools: dict[str, int]


class ProxyError(msgspec.Struct, frozen=True):
    """What Spoolman, or the way to it, answered instead."""

    status_code: int
    message: str


class ProxyV2(msgspec.Struct, frozen=True):
    """The answer of version 2 of the proxy."""

    response: msgspec.Raw | None
    error: ProxyError | None
    response_headers: dict[str, str] | msgspec.UnsetType = msgspec.UNSET


class SpoolChoice(Protocol):
    """The part of the reporter that changes something."""

    async def load(self) -> None: ...

    async def set_spool(self, tool: str | None, spool_id: int | None) -> None: ...

    async def reassign(self, source: int | None, target: int | None) -> float: ...


class SpoolEndpoints:
    """Reads the book, and asks the reporter for changes."""

    def __init__(
        self,
        reporter: SpoolChoice,
        book: SpoolAssignments,
        link: SpoolmanLink,
        server: SpoolmanServer,
    ) -> None:
        self._reporter = reporter
        self._book = book
        self._link = link
        self._server = server

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        base, view, operate = "/server/spoolman", Access.VIEW, Access.OPERATE
        spool_id, tool, reassign = f"{base}/spool_id", f"{base}/tool_spool", f"{base}/reassign"
        return [
            get(
                f"{base}/status",
                self.status,
                "Link state, active spool and usage not reported yet.",
                view,
                result=SpoolStatus,
            ),
            get(spool_id, self.get_spool_id, "Id of the active spool.", view, result=ActiveSpool),
            post(
                spool_id,
                self.post_spool_id,
                "Set or clear the spool that usage is charged to.",
                operate,
                SpoolParams,
                ActiveSpool,
            ),
            get(tool, self.get_tool_spool, "Spools of single extruders.", view, result=ToolSpools),
            post(
                tool,
                self.post_tool_spool,
                "Charge one extruder's usage to a spool of its own, or to the active one again.",
                operate,
                ToolParams,
                ToolSpools,
            ),
            post(
                reassign,
                self.post_reassign,
                "Charge usage that cannot be reported to another spool, or forget it.",
                operate,
                ReassignParams,
                Reassigned,
            ),
            # Reading needs less than the other verbs: the handler looks.
            post(
                f"{base}/proxy",
                self.proxy,
                "Forward one HTTP request to the Spoolman API.",
                view,
                ProxyParams,
            ),
        ]

    async def status(self, _params: NoParams, _caller: Caller) -> SpoolStatus:
        """Everything that is known here."""
        await self._reporter.load()
        book = self._book
        lost = [PendingReport(one.spool_id, one.lost_mm) for one in book.ledger if one.lost_mm]
        if book.ledger.unassigned_mm >= LEAST_MM:
            lost.append(PendingReport(None, book.ledger.unassigned_mm))
        pending = [
            PendingReport(one.spool_id, one.unreported_mm)
            for one in book.ledger
            if one.unreported_mm >= LEAST_MM
        ]
        missing = sorted(one.spool_id for one in book.ledger if one.missing)
        return SpoolStatus(
            self._link.connected, pending, book.active, missing, lost, dict(book.tool_spools)
        )

    async def get_spool_id(self, _params: NoParams, _caller: Caller) -> ActiveSpool:
        """The active spool."""
        await self._reporter.load()
        return ActiveSpool(self._book.active)

    async def post_spool_id(self, params: SpoolParams, _caller: Caller) -> ActiveSpool:
        """Set the active spool; null, 0 or nothing clears it. Raises `ClientError` 400."""
        await self._reporter.set_spool(None, spool_choice(params.spool_id))
        return ActiveSpool(self._book.active)

    async def get_tool_spool(self, _params: NoParams, _caller: Caller) -> ToolSpools:
        """The map."""
        await self._reporter.load()
        return ToolSpools(dict(self._book.tool_spools))

    async def post_tool_spool(self, params: ToolParams, _caller: Caller) -> ToolSpools:
        """Change one entry of the map. Raises `ClientError` 400."""
        spool_id = spool_choice(params.spool_id)
        await self._reporter.load()
        check_tool(params.tool, self._book)
        await self._reporter.set_spool(params.tool, spool_id)
        return ToolSpools(dict(self._book.tool_spools))

    async def post_reassign(self, params: ReassignParams, _caller: Caller) -> Reassigned:
        """Settle what cannot be reported by hand. Raises `ClientError` 400."""
        source = spool_choice(params.spool_id)
        target = spool_choice(params.to_spool_id, "to_spool_id")
        return Reassigned(await self._reporter.reassign(source, target))

    async def proxy(self, params: ProxyParams, caller: Caller) -> object:
        """Version 1 raises what Spoolman answered as `ClientError`, version 2 wraps it."""
        request = checked(params)
        if request.verb != "GET" and caller.role < Role.OPERATE:
            raise ClientError(f"This needs the role {Role.OPERATE.word}", 403)
        try:
            answer = await self._forward(request)
            body = _json(answer)
        except ClientError as exc:
            if not params.use_v2_response:
                raise
            return ProxyV2(None, ProxyError(exc.status, exc.message))
        return ProxyV2(body, None, _passed_headers(answer)) if params.use_v2_response else body

    async def _forward(self, request: Proxied) -> Fetched:
        await self._link.first_attempt()
        if not self._link.connected:
            raise ClientError("Spoolman is not connected", 503)
        try:
            answer = await self._server.forward(request)
        except SpoolmanAway as exc:
            raise ClientError(str(exc), 500) from exc
        if answer.status >= 400:
            raise ClientError(error_text(answer.body, answer.status), answer.status)
        if answer.status >= 300:
            where = answer.headers.get("location", "elsewhere")[:200]
            raise ClientError(f"Spoolman answered {answer.status}: ask for {where}", 500)
        if not answer.whole:
            raise ClientError("Spoolman's answer is too large: ask with limit and offset", 500)
        return answer


def check_tool(tool: str, book: SpoolAssignments) -> None:
    """Raises `ClientError` 400 for a name that cannot be an extruder's."""
    if not tool or len(tool) > MOST_TOOL_CHARS or not tool.isprintable():
        raise ClientError("Argument 'tool': a name such as extruder1 expected")
    if tool not in book.tool_spools and len(book.tool_spools) >= MOST_TOOLS:
        raise ClientError(f"Argument 'tool': {MOST_TOOLS} tools have spools, the limit")


def _json(answer: Fetched) -> msgspec.Raw | None:
    """The body as it came, once it is known to be JSON."""
    if not answer.body.strip():
        return None
    try:
        return foreign_json.decode(answer.body, msgspec.Raw)
    except NotJson as exc:
        kind = answer.headers.get("content-type", "something")[:100]
        if kind.partition(";")[0].strip() == "application/json":
            raise ClientError(f"Spoolman's answer cannot be read: {exc}", 500) from exc
        raise ClientError(
            f"Spoolman answered {kind}, not JSON:"
            " is the path one of its API, and the option server its address?",
            500,
        ) from exc


def _passed_headers(answer: Fetched) -> dict[str, str]:
    return {
        name.title(): value for name, value in answer.headers.items() if name not in _NOT_PASSED
    }
