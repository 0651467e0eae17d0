"""The subsystem that answers for the printer: printer.* endpoints and clients' subscriptions.

`serve` adds Klippy's own endpoints to the table as Klipper lists them; it ends when cancelled.
"""

import trio

from mrk.api.endpoint import Endpoint
from mrk.clients.registry import Clients
from mrk.jobs.job_protocols import PrintStarts
from mrk.jobs.starters import Starters
from mrk.klippy.events import EndpointsListed
from mrk.klippy.klippy_protocols import CommandLog, KlippyRequests
from nurseries.klippy.client_subscriptions import ClientSubscriptions
from nurseries.klippy.endpoints import PrinterEndpoints, WaitingPrints
from nurseries.klippy.gcode import LastPrint, PrinterGcode
from nurseries.klippy.klippy_endpoints import Extend, KlippyEndpoints


class Printer:
    """`gcode` runs g-code and starts prints, for subsystems too.

    `extend` adds endpoints to the table (`Table.extend`); what mrk owns is not replaced there.
    `starts` hears who asked for a print; before one is started it is seen how `last_print` ended.
    """

    def __init__(
        self,
        klippy: KlippyRequests,
        clients: Clients,
        commands: CommandLog,
        extend: Extend,
        starts: PrintStarts | None = None,
        last_print: LastPrint | None = None,
    ) -> None:
        self._klippy = klippy
        starts = Starters() if starts is None else starts
        self.gcode = PrinterGcode(klippy, commands, starts, last_print)
        self._endpoints = PrinterEndpoints(klippy, self.gcode)
        subscriptions = ClientSubscriptions(klippy, clients)
        self._passed_through = KlippyEndpoints(klippy, self.gcode, subscriptions, extend)

    def ask_before_start(self, waiting: WaitingPrints) -> None:
        """A client's start of a file that waits there is answered without asking the printer."""
        self._endpoints.waiting = waiting

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Offer Klippy's endpoints as they become known."""
        # Two lists per connection of Klipper; 16 would be eight restarts within one turn.
        with self._klippy.open_events("printer", 16, EndpointsListed) as events:
            self._passed_through.offer(self._klippy.endpoint_names)
            task_status.started()
            async for event in events:
                assert isinstance(event, EndpointsListed)
                self._passed_through.offer(event.names)

    def endpoints(self) -> list[Endpoint]:
        """Those that exist without Klipper."""
        return self._endpoints.endpoints()

    def usual_endpoints(self) -> list[Endpoint]:
        """What a usual Klipper adds, for the schema, which is made without one."""
        return self._passed_through.usual_endpoints()

    def unlisted(self, path: str) -> Endpoint | None:
        """The endpoint at `path`, which Klippy may have; None once it has listed its endpoints."""
        return self._passed_through.unlisted(path)
