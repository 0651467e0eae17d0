"""server.history.*: what clients read of the history, and may delete.

Owns nothing; built with the `History` that records. Long lists are read and answered by pages,
with a turn for everybody else after each.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, delete, get, post
from mrk.api.large_result import LargeResult
from mrk.database.database_protocols import SqlConnection, TablesPort
from mrk.errors import ClientError
from mrk.jobs.job_protocols import AuxiliaryValue, PrintedFiles
from mrk.jobs.record import shown_id, zeros
from nurseries.jobs import history_store
from nurseries.jobs.history_store import ShownRow

# A page is about 1 ms of work for the event loop and some 5 ms for the database's thread.
PAGE_JOBS = 250
_MOST = 2**62
# Copies of files keep mtimes to a fraction that JSON and the file system do not share.
_SAME_MTIME_S = 1e-3


class HistoryListParams(msgspec.Struct, frozen=True):
    """`limit` 0 or less means all; `before` and `since` are Unix seconds, -1: not given."""

    limit: int = 50
    start: int = 0
    before: float | None = None
    since: float | None = None
    order: str = "desc"


class JobParams(msgspec.Struct, frozen=True):
    """`uid` is a job id, hexadecimal."""

    uid: str


class DeleteJobsParams(msgspec.Struct, frozen=True):
    """`uid` is needed unless `all` is true."""

    uid: str | None = None
    all: bool = False


class DeletedJobs(msgspec.Struct, frozen=True):
    """The answer of server.history.delete_job."""

    deleted_jobs: list[str]


class AuxiliaryTotal(msgspec.Struct, frozen=True):
    """Totals of one auxiliary field; what it does not report is null."""

    provider: str
    field: str
    maximum: float | None
    total: float | None


class Totals(msgspec.Struct, frozen=True):
    """Count, seconds, mm."""

    job_totals: dict[str, float]
    auxiliary_totals: list[AuxiliaryTotal]


class LastTotals(msgspec.Struct, frozen=True):
    """The totals before the reset."""

    last_totals: dict[str, float]
    last_auxiliary_totals: list[AuxiliaryTotal]


class HistoryEndpoints:
    """The handlers. `is_recording` says whether a job is in progress; `auxiliary` gives the fields
    that jobs have beside their own figures."""

    def __init__(
        self,
        database: TablesPort,
        files: PrintedFiles,
        is_recording: Callable[[], bool],
        auxiliary: Callable[[], list[AuxiliaryValue]] = list,
    ) -> None:
        self._database = database
        self._files = files
        self._is_recording = is_recording
        self._auxiliary = auxiliary

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        job = "/server/history/job"
        return [
            get(
                "/server/history/list",
                self.list_jobs,
                "List jobs.",
                Access.VIEW,
                HistoryListParams,
                dict[str, Any],
            ),
            get(
                "/server/history/totals",
                self.totals,
                "Totals of all jobs.",
                Access.VIEW,
                result=Totals,
            ),
            post(
                "/server/history/reset_totals",
                self.reset_totals,
                "Set all totals to zero; the jobs stay.",
                Access.ADMIN,
                result=LastTotals,
            ),
            get(job, self.get_job, "Return one job.", Access.VIEW, JobParams),
            delete(
                job,
                self.delete_job,
                "Delete one job, or all jobs; totals stay.",
                Access.OPERATE,
                DeleteJobsParams,
                DeletedJobs,
            ),
        ]

    async def list_jobs(self, params: HistoryListParams, _caller: Caller) -> LargeResult:
        """`{count, jobs}`; count is the number of jobs returned."""
        order = params.order.lower()
        if order not in ("asc", "desc"):
            raise ClientError(f"Argument 'order': '{params.order:.60}' is neither asc nor desc")
        wanted = {
            "before": _given(params.before),
            "since": _given(params.since),
            "descending": order == "desc",
        }
        everything = params.limit <= 0
        left = _MOST if everything else min(params.limit, _MOST)
        skip = 0 if everything else min(max(params.start, 0), _MOST)
        last_id: int | None = None
        parts: list[bytes] = []
        while left > 0:
            rows = await self._database.run(
                _page({**wanted, "limit": min(left, PAGE_JOBS), "skip": skip, "after_id": last_id})
            )
            for shown in await self._shown(rows):
                parts += (b",", shown)
            if len(rows) < PAGE_JOBS:
                break
            left, skip, last_id = left - len(rows), 0, rows[-1][0]
        opening = b'{"count":%d,"jobs":[' % (len(parts) // 2)
        return LargeResult([opening, *parts[1:], b"]}"])

    async def _shown(self, rows: Sequence[ShownRow]) -> list[bytes]:
        there = await self._files.modified([filename for _, filename, _, _ in rows])
        return [
            (b'{"exists":true,' if is_unchanged(now, modified) else b'{"exists":false,') + rest
            for now, (_, _, modified, rest) in zip(there, rows, strict=True)
        ]

    async def get_job(self, params: JobParams, _caller: Caller) -> dict[str, Any]:
        """The id is compared as a number, and comes back as it was sent."""
        job_id = _number(params.uid)
        row = await self._database.run(lambda c: history_store.read_job(c, job_id))
        if row is None:
            raise _unknown(params.uid)
        (shown,) = await self._shown([row])
        job: dict[str, Any] = msgspec.json.decode(shown)
        return {"job": {**job, "job_id": params.uid}}

    async def delete_job(self, params: DeleteJobsParams, _caller: Caller) -> DeletedJobs:
        """Tells nobody."""
        if params.all:
            ids = await self._database.run(history_store.delete_all)
            return DeletedJobs([shown_id(job_id) for job_id in ids])
        if params.uid is None:
            raise ClientError("Argument 'uid' is missing")
        job_id = _number(params.uid)
        if not await self._database.run(lambda c: history_store.delete_job(c, job_id)):
            raise _unknown(params.uid)
        return DeletedJobs([params.uid])

    async def totals(self, _params: NoParams, _caller: Caller) -> Totals:
        """Of all jobs that ended, deleted ones among them."""
        totals, auxiliary = await self._database.run(history_store.read_totals)
        return Totals(totals, [AuxiliaryTotal(**total) for total in auxiliary])

    async def reset_totals(self, _params: NoParams, _caller: Caller) -> LastTotals:
        """Refused while a job is in progress. Fields that report totals are there with zeros."""
        if self._is_recording():
            raise ClientError("Totals cannot be reset while a job is in progress")
        kept = zeros(self._auxiliary())
        totals, auxiliary = await self._database.run(
            lambda connection: history_store.reset_totals(connection, kept), durable=True
        )
        return LastTotals(totals, [AuxiliaryTotal(**total) for total in auxiliary])


def is_unchanged(now: float | None, modified: float | None) -> bool:
    """Whether a file is there, and as it was at the job where that is known."""
    if now is None or not isinstance(modified, int | float):
        return now is not None
    return abs(now - modified) < _SAME_MTIME_S


def _page(wanted: dict[str, Any]) -> Callable[[SqlConnection], list[ShownRow]]:
    return lambda connection: history_store.read_page(connection, **wanted)


def _given(time: float | None) -> float | None:
    return None if time == -1 else time


def _number(uid: str) -> int:
    try:
        number = int(uid, 16)
    except ValueError:
        raise _unknown(uid) from None
    if not 0 <= number <= _MOST:
        raise _unknown(uid)
    return number


def _unknown(uid: str) -> ClientError:
    return ClientError(f"No job '{uid:.60}' in the history", 404)
