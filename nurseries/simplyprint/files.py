"""Files that the cloud has the printer fetch, and their prints.

A file goes through the upload path, so it is stored whole or not at all. `serve` fetches one at a
time, whether the connection to the cloud lasts or not; it ends when cancelled.
"""

import logging

import trio

from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.files.transfers import UploadFiles
from mrk.http.client import FetchFailed, HttpDownloads
from mrk.jobs.job_protocols import JobFiles, JobStatePort
from mrk.klippy.klippy_protocols import GcodePort, KlippyFacts
from mrk.klippy.link_errors import KlippyLost
from mrk.log.throttle import LogThrottle
from mrk.simplyprint.demands import FetchFile
from mrk.simplyprint.file_names import copy_name, download_name
from nurseries.simplyprint.cloud import Cloud
from nurseries.simplyprint.download import Download
from nurseries.simplyprint.printer import FollowedPrinter

logger = logging.getLogger(__name__)
READY_S = 10.0
_READY_BEAT_S = 0.25
MOST_COPIES = 1000
USER = "SimplyPrint"


class CloudFiles:
    """`uploads` is None where there is no disk."""

    def __init__(
        self,
        cloud: Cloud,
        printer: FollowedPrinter,
        http: HttpDownloads,
        uploads: UploadFiles | None,
        files: JobFiles,
        klippy: KlippyFacts,
        job_state: JobStatePort,
        gcode: GcodePort,
        role: Role,
    ) -> None:
        self._cloud = cloud
        self._printer = printer
        self._http = http
        self._uploads = uploads
        self._files = files
        self._klippy = klippy
        self._job_state = job_state
        self._gcode = gcode
        self._role = role
        self._busy = False
        self._throttle = LogThrottle()
        self._fetched: tuple[str, str | None] | None = None
        self._put, self._wanted = trio.open_memory_channel[FetchFile](1)

    def fetch(self, demand: FetchFile) -> None:
        """Begin with it; refused while another file is on its way."""
        try:
            self._check_role()
            if self._busy:
                raise ClientError("another file is on its way")
        except ClientError as exc:
            self._failed(exc)
            return
        self._busy = True
        self._put.send_nowait(demand)

    async def serve(self) -> None:
        """One after the other."""
        async for demand in self._wanted:
            try:
                await self._fetch(demand)
            except ClientError as exc:
                self._failed(exc)
            finally:
                self._busy = False

    async def start(self) -> None:
        """Print what was fetched last. Raises `ClientError`."""
        self._check_role()
        if self._fetched is None:
            raise self._told(ClientError("no file was fetched"))
        path, job_id = self._fetched
        try:
            await self._print(path, job_id)
        except ClientError as exc:
            raise self._told(exc) from None

    def _check_role(self) -> None:
        if self._role < Role.OPERATE:
            raise ClientError("simplyprint_role does not allow it")

    async def _fetch(self, demand: FetchFile) -> None:
        if self._uploads is None:
            raise ClientError("there is no disk")
        self._fetched = None
        self._progress("downloading", percent=0)
        name = await self._free_name(download_name(demand.url, demand.name))
        download = Download(self._http, self._uploads)
        try:
            path = await download.fetch(
                demand.url, name, lambda size: self._tell_size(size, demand.size_bytes)
            )
        except FetchFailed as exc:
            raise ClientError(f"the file cannot be fetched: {exc}") from exc
        self._fetched = path, demand.job_id
        if not demand.auto_start:
            self._progress("ready")
            return
        self._progress("pending")
        await self._print(path, demand.job_id)

    async def _free_name(self, name: str) -> str:
        """Not that of the file that is printed."""
        look = self._job_state.snapshot
        if look is None or not look.stats.is_active or look.stats.filename.strip("/") != name:
            return name
        for copy in (copy_name(name, number) for number in range(1, MOST_COPIES)):
            if not await self._files.exists(copy):
                return copy
        return name

    async def _print(self, path: str, job_id: str | None) -> None:
        with trio.move_on_after(READY_S):
            while self._klippy.klippy_state != "ready":  # noqa: ASYNC110 - a state, not an event
                await trio.sleep(_READY_BEAT_S)
        if self._klippy.klippy_state != "ready":
            raise ClientError(f"the printer was not ready within {READY_S:g} s")
        if self._job_state.is_active:
            raise ClientError("a print is under way")
        self._printer.begin_job(path, job_id)
        try:
            await self._gcode.start_print(path, USER)
        except KlippyLost:
            raise  # it may print: then it is the cloud's job
        except ClientError:
            self._printer.begin_job(path, None)
            raise
        self._fetched = None
        self._progress("started")

    def _tell_size(self, size_bytes: int, whole_bytes: float | None) -> None:
        if whole_bytes:
            percent = min(99, int(100 * size_bytes / whole_bytes))
            self._progress("downloading", percent=percent)

    def _progress(self, state: str, **more: object) -> None:
        self._cloud.send("file_progress", {"state": state, **more})

    def _failed(self, error: ClientError) -> None:
        text, now = "simplyprint: a file that the cloud sent", trio.current_time()
        self._throttle.log(logger, text, now, after=f": {error.message}")
        self._told(error)

    def _told(self, error: ClientError) -> ClientError:
        self._progress("error", message=error.message)
        return error
