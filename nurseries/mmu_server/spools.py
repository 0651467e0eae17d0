"""Spoolman, as multi-material units use it: through the API method that passes requests on.

Owns no task. The extra fields that hold a spool's place are made at the first use.
"""

from typing import Any

import trio

from config.template_errors import TemplateFailed
from mrk.errors import MrkError
from mrk.mmu.gates import GATE_FIELD, NO_GATE, PRINTER_FIELD, GateSpool, placement, spool_of
from mrk.subsystem import TemplateMethods

LEAST_VERSION = (0, 18, 1)
_TRIES, _BETWEEN_S = 3, 2.0
_FIELDS = {
    PRINTER_FIELD: {"name": "Printer Name", "field_type": "text", "default_value": '""'},
    GATE_FIELD: {"name": "MMU Gate", "field_type": "integer", "default_value": str(NO_GATE)},
}


class NoSpoolman(MrkError):
    """Spoolman cannot be used; says why."""


class GateSpools:
    """`location`: its location text is written as well."""

    def __init__(self, methods: TemplateMethods, *, location: bool) -> None:
        self._methods = methods
        self._location = location
        self._is_prepared = False

    async def all_spools(self) -> list[GateSpool]:
        """Every spool as it is now; raises `NoSpoolman`."""
        await self._prepare()
        records = await self._ask("GET", "/v1/spool")
        found = map(spool_of, records if isinstance(records, list) else [])
        return [spool for spool in found if spool is not None]

    async def place(self, spool_id: int, printer: str, gate: int) -> None:
        """Put a spool into a gate; an empty printer takes it out. Raises `NoSpoolman`."""
        was_prepared = self._is_prepared
        await self._prepare()
        body = placement(printer, gate, location=self._location)
        try:
            await self._ask("PATCH", f"/v1/spool/{spool_id}", body)
        except NoSpoolman:
            if not was_prepared:
                raise
            # With another database, or by hand, its fields may have gone since.
            self._is_prepared = False
            await self._prepare()
            await self._ask("PATCH", f"/v1/spool/{spool_id}", body)

    async def active_spool(self) -> int | None:
        """The spool that use is charged to; raises `NoSpoolman`."""
        answer = await self._call("server.spoolman.get_spool_id")
        found = answer.get("spool_id") if isinstance(answer, dict) else None
        return found if isinstance(found, int) else None

    async def _prepare(self) -> None:
        if self._is_prepared:
            return
        info = await self._info()
        version = str(info.get("version", "") if isinstance(info, dict) else "")
        numbers = tuple(int(part) for part in version.split(".")[:3] if part.isdecimal())
        if numbers < LEAST_VERSION:
            least = ".".join(map(str, LEAST_VERSION))
            raise NoSpoolman(f"Spoolman {least} or newer is needed, this is {version or 'unknown'}")
        fields = await self._ask("GET", "/v1/field/spool")
        there = {field.get("key") for field in fields or [] if isinstance(field, dict)}
        for key, field in _FIELDS.items():
            if key not in there:
                await self._ask("POST", f"/v1/field/spool/{key}", field)
        self._is_prepared = True

    async def _info(self) -> Any:
        for _ in range(_TRIES - 1):
            try:
                return await self._ask("GET", "/v1/info")
            except NoSpoolman:
                await trio.sleep(_BETWEEN_S)
        return await self._ask("GET", "/v1/info")

    async def _ask(self, verb: str, path: str, body: object = None) -> Any:
        answer = await self._call(
            "server.spoolman.proxy",
            request_method=verb,
            path=path,
            use_v2_response=True,
            **({} if body is None else {"body": body}),
        )
        error = answer.get("error") if isinstance(answer, dict) else None
        if error:
            said = error.get("message") if isinstance(error, dict) else error
            raise NoSpoolman(f"Spoolman: {said}")
        return answer.get("response") if isinstance(answer, dict) else None

    async def _call(self, method: str, **arguments: Any) -> Any:
        try:
            return await self._methods.call_method(method, **arguments)
        except TemplateFailed as exc:
            raise NoSpoolman(str(exc).removeprefix("call_method ")) from None
