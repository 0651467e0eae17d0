"""Answers `GET /metrics`, and keeps the printer's objects subscribed while somebody asks for it.

A scrape asks Klipper nothing: it reads what is known. The first one has `serve` subscribe, as a
front end does, to the objects whose fields are told; an hour after the last one that ends. Ends
when cancelled.
"""

import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import trio

from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.fanout import EventReader
from mrk.http.exchange import Exchange, Transfer
from mrk.http.head import READING, RequestHead
from mrk.http.response import Response, error_response
from mrk.http.streamed_paths import DoorRules, StreamedPaths
from mrk.jobs.queue import Queue
from mrk.klippy.events import KlippyEvent, Ready
from mrk.metrics.accept import wants_openmetrics
from mrk.metrics.credentials import bearer_as_key
from mrk.metrics.daemon import process_families, version_family
from mrk.metrics.exposition import OPENMETRICS, PROMETHEUS, exposition
from mrk.metrics.family import MetricFamily
from mrk.metrics.jobs import queue_families, total_families
from mrk.metrics.printer import printer_families, wanted
from mrk.status.subscriptions import StatusReader, Wanted
from mrk.status.update import StatusUpdate
from nurseries.metrics.process_files import process_figures

if TYPE_CHECKING:  # only documents need it
    from mrk.api.door_route import DoorRoute

logger = logging.getLogger(__name__)

PATH = "/metrics"
# After the last scrape the printer's objects are subscribed for so long.
IDLE_S = 3600.0
# The database may be busy with a copy; the metrics of jobs are then left out.
JOBS_S = 1.0

Source = Callable[[], Iterable[MetricFamily]]


class PrinterStatus(Protocol):
    """The link to Klipper, as far as metrics need it."""

    @property
    def klippy_state(self) -> str: ...

    @property
    def object_names(self) -> Collection[str]: ...

    def status(self, name: str) -> Mapping[str, Any]: ...

    def open_events(self, name: str, size: int, *kinds: type) -> EventReader[KlippyEvent]: ...

    async def subscribe_reader(self, reader: StatusReader, wanted: Wanted) -> dict[str, Any]: ...

    def unsubscribe_reader(self, reader: StatusReader) -> None: ...


class JobFigures(Protocol):
    """Where the metrics of jobs come from."""

    async def totals(self) -> Mapping[str, float]: ...

    async def queue(self) -> Queue: ...


class _Reader:
    """Has Klipper report; what it reports is read from what the link knows."""

    open = True

    def push_status(self, update: StatusUpdate) -> None:
        pass


class Metrics:
    """`sources` give the daemon's families, in the order in which they are told."""

    def __init__(self, printer: PrinterStatus, jobs: JobFigures, sources: list[Source]) -> None:
        self.sources = sources
        self._printer = printer
        self._jobs = jobs
        self._reader = _Reader()
        self._asked = trio.Event()
        self._watching: trio.CancelScope | None = None

    # What runs

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep what is told subscribed, from a scrape on until an hour after the last one."""
        task_status.started()
        while True:
            await self._asked.wait()
            self._asked = trio.Event()
            try:
                with trio.CancelScope(deadline=trio.current_time() + IDLE_S) as self._watching:
                    await self._subscribe_when_ready()
            finally:
                self._watching = None
                self._printer.unsubscribe_reader(self._reader)

    async def _subscribe_when_ready(self) -> None:
        # Ready comes once per restart of the printer; 8 may wait.
        with self._printer.open_events("metrics", 8, Ready) as ready:
            if self._printer.klippy_state == "ready":
                await self._subscribe()
            async for _ in ready:
                await self._subscribe()

    async def _subscribe(self) -> None:
        objects = {
            name: frozenset(fields) for name, fields in wanted(self._printer.object_names).items()
        }
        try:
            await self._printer.subscribe_reader(self._reader, objects)
        except ClientError as exc:
            logger.info("metrics of the printer are incomplete: %s", exc.message)

    # What is told

    async def text(self, *, openmetrics: bool) -> bytes:
        """The whole answer."""
        self._note_scrape()
        jobs = await self._job_families()
        return exposition(self._families(jobs), openmetrics=openmetrics)

    def _note_scrape(self) -> None:
        if self._watching is None:
            self._asked.set()
        else:
            self._watching.deadline = trio.current_time() + IDLE_S

    async def _job_families(self) -> list[MetricFamily]:
        families: list[MetricFamily] = []
        with trio.move_on_after(JOBS_S), contextlib.suppress(ClientError):
            families += queue_families(await self._jobs.queue())
            families += total_families(await self._jobs.totals())
        return families

    def _families(self, jobs: list[MetricFamily]) -> Iterator[MetricFamily]:
        """The printer's last: of them there may be more than fit."""
        yield version_family()
        yield from process_families(process_figures())
        for source in self.sources:
            yield from source()
        yield from jobs
        printer = self._printer
        yield from printer_families(printer.klippy_state, printer.object_names, printer.status)

    def paths(self, rules: DoorRules) -> StreamedPaths:
        """The path of the TCP door."""
        return MetricsPath(self.text, rules)


class MetricsPath:
    """Serves `<prefix>/metrics` to viewers."""

    def __init__(self, text: Callable[..., Awaitable[bytes]], rules: DoorRules) -> None:
        self._text = text
        self._rules = rules

    def verbs(self, path: str) -> tuple[str, ...]:
        """`StreamedPaths.verbs`."""
        return READING if path == PATH else ()

    def begin(self, head: RequestHead) -> Transfer | None:
        """`StreamedPaths.begin`."""
        ours = head.path == self._rules.route_prefix + PATH and head.method in READING
        return partial(self._serve, head) if ours else None

    def declared(self) -> "list[DoorRoute]":
        """`StreamedPaths.declared`."""
        from nurseries.metrics.declarations import metrics

        return metrics(PATH)

    async def _serve(self, head: RequestHead, exchange: Exchange) -> None:
        cors = self._rules.cors.headers(head.header("origin"))
        try:
            self._rules.authorizer.admit(bearer_as_key(head), Role.VIEW)
        except ClientError as exc:
            await exchange.answer(error_response(exc).with_headers(cors))
            return
        openmetrics = wants_openmetrics(head.header("accept"))
        body = await self._text(openmetrics=openmetrics)
        kind = OPENMETRICS if openmetrics else PROMETHEUS
        headers = (("Cache-Control", "no-store"), ("Vary", "Accept"), *cors)
        await exchange.answer(Response(200, body, kind, headers=headers))
