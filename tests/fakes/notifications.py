"""What takes the place of the process that sends, and of webcams."""

import trio

from mrk.webcams.snapshots import NoSnapshot, Snapshot
from nurseries.notifier.sending.messages import CheckUrl, Delivery, Job, SendMessage


class FakeSender:
    """`sent` are the messages that were tried. `answers` are used up first: (ok, reason).

    `had` are the positions of URLs that have had a message which fails.
    """

    def __init__(self) -> None:
        self.sent: list[SendMessage] = []
        self.answers: list[tuple[bool, str]] = []
        self.known = True
        self.lacking = False
        self.had: tuple[int, ...] = ()
        self.hangs: set[str] = set()
        self._last_id = 0

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    async def perform(self, job: Job) -> Delivery:
        await trio.lowlevel.checkpoint()
        if isinstance(job, CheckUrl):
            ok = self.known and not self.lacking
            return Delivery(job.id, ok, "unknown", known=self.known, lacking=self.lacking)
        self.sent.append(job)
        if job.url in self.hangs:
            await trio.sleep(60)
            return Delivery(job.id, ok=False, reason="it took longer than 60 s")
        ok, reason = self.answers.pop(0) if self.answers else (True, "")
        had = () if ok else self.had
        return Delivery(job.id, ok=ok and self.known, reason=reason, known=self.known, sent=had)

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        await trio.sleep_forever()

    @property
    def bodies(self) -> list[str]:
        """Take what was sent."""
        bodies, self.sent = [job.body for job in self.sent], []
        return bodies


class FakeSnapshots:
    """Webcams by name; None never answers."""

    def __init__(self) -> None:
        self.webcams: dict[str, bytes | None] = {}

    async def snapshot(self, name: str = "") -> Snapshot:
        await trio.lowlevel.checkpoint()
        name = name or next(iter(self.webcams), "")
        if name not in self.webcams:
            raise NoSnapshot("there is no enabled webcam with a snapshot_url")
        picture = self.webcams[name]
        if picture is None:
            await trio.sleep_forever()
        assert picture is not None
        return Snapshot(picture, "image/jpeg")
