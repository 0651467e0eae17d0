"""mmu_server: the remote methods of Happy Hare, which the macros in the printer call.

`serve` does one call after the other until cancelled; a call that fails is told at the console.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import trio

from mrk.api.endpoint import Endpoint
from mrk.database.database_protocols import DatabasePort
from mrk.errors import ClientError, MrkError
from mrk.klippy.klippy_protocols import KlippyPort
from mrk.mmu.gates import GateSpool, gate_pairs, whole_number
from mrk.mmu.lanes import LANE_NAMESPACE, beyond, lane_name, lane_record
from nurseries.mmu_server.gate_orders import GateOrders
from nurseries.mmu_server.printer_side import PrinterSide
from nurseries.mmu_server.spools import NoSpoolman

logger = logging.getLogger(__name__)
# A start macro calls a few one after the other.
_CALLS = 32
Call = Callable[[], Awaitable[None]]


class MmuServer:
    """Without a section [spoolman] the methods named after it say so, and lanes are kept alone."""

    def __init__(
        self,
        klippy: KlippyPort,
        database: DatabasePort,
        side: PrinterSide,
        orders: GateOrders,
    ) -> None:
        self._klippy = klippy
        self._database = database
        self._side = side
        self._orders = orders
        self._send, self._receive = trio.open_memory_channel[tuple[str, Call]](_CALLS)

    def endpoints(self) -> list[Endpoint]:
        """None: macros are its only clients."""
        return []

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Do what macros ask until cancelled."""
        orders = self._orders
        methods: dict[str, Callable[..., Awaitable[None]]] = {
            "spoolman_refresh": orders.refresh,
            "spoolman_get_filaments": orders.get_filaments,
            "spoolman_push_gate_map": orders.push_gate_map,
            "spoolman_pull_gate_map": orders.pull_gate_map,
            "spoolman_clear_spools_for_printer": orders.clear_printer,
            "spoolman_set_spool_gate": orders.set_gate,
            "spoolman_unset_spool_gate": orders.unset_gate,
            "spoolman_get_spool_info": orders.tell_spool,
            "spoolman_display_spool_location": orders.tell_locations,
            "moonraker_push_lane_data": self._push_lanes,
            "moonraker_cleanup_lane_data": self._clean_lanes,
        }
        try:
            for name, method in methods.items():
                self._klippy.register_remote_method(name, self._remote(name, method))
            task_status.started()
            while True:
                name, call = await self._receive.receive()
                await self._do(name, call)
        finally:
            for name in methods:
                self._klippy.unregister_remote_method(name)

    def _remote(self, name: str, method: Callable[..., Awaitable[None]]) -> Callable[..., None]:
        def remote(*arguments: object, **named: object) -> None:
            try:
                self._send.send_nowait((name, partial(method, *arguments, **named)))
            except trio.WouldBlock:
                logger.warning("%s is left out: %d calls wait already", name, _CALLS)

        # The method's own signature says what a macro may pass.
        remote.__wrapped__ = method  # type: ignore[attr-defined]
        return remote

    async def _do(self, name: str, call: Call) -> None:
        try:
            await call()
        except MrkError as exc:
            logger.warning("%s: %s", name, exc)
            with suppress(ClientError):
                await self._side.say(f"{name}: {exc}", error=not isinstance(exc, NoSpoolman))

    async def _push_lanes(self, gate_ids: object) -> None:
        """Write what is in each gate, for slicers."""
        pairs = gate_pairs(gate_ids)
        mmu = await self._side.read()
        known: dict[int, GateSpool] = {}
        with suppress(NoSpoolman):
            if any(spool_id > 0 for _, spool_id in pairs):
                known = await self._orders.known(spool_id for _, spool_id in pairs)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        lanes = {
            lane_name(gate): lane_record(gate, spool_id, mmu, known.get(spool_id), now)
            for gate, spool_id in pairs
        }
        if lanes:
            await self._database.put_items(LANE_NAMESPACE, lanes)

    async def _clean_lanes(self, num_gates: object) -> None:
        """Delete lanes of gates that there are no more."""
        there = await self._database.items(LANE_NAMESPACE)
        for name in beyond(there, whole_number("num_gates", num_gates)):
            await self._database.delete_item(LANE_NAMESPACE, name)
