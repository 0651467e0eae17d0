"""The process that sends: `python -m nurseries.notifier.sending.process`, started by `sender.py`.

Reads jobs from stdin, answers on stdout, ends when stdin does. Each job has a thread of its own, so
that a service that hangs holds nobody else up; the daemon ends the process over one. Apprise is 22
MB with its 130 services, and joins its threads when Python ends: neither is for the daemon.
"""

import contextvars
import logging
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from nurseries.notifier.sending.messages import (
    CheckUrl,
    Delivery,
    Job,
    Picture,
    SendMessage,
    decode_job,
    encode,
)

# Of each service where there are several, so that one that hangs fails alone.
SERVICE_S = 45.0
MEMORY_LIMIT_BYTES = 512 * 1024 * 1024
_REASON_CHARS = 300
_UNKNOWN = "the library Apprise does not know this kind of URL, or a part of it is missing"
_BUG = "the library Apprise failed over this message"
_SILENT = "the service refused it, or cannot be reached"
# What the library said last within one job: it tells its reasons to its log only.
_said: contextvars.ContextVar[list[str]] = contextvars.ContextVar("said")


class _Reasons(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        said = _said.get(None)
        if said is not None:
            said.append(record.getMessage())


def main() -> None:
    """Answer jobs until stdin ends."""
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Nothing but answers may reach the pipe, whatever a library prints.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    logger = logging.getLogger("apprise")
    logger.addHandler(_Reasons(logging.WARNING))
    logger.propagate = False
    lock = threading.Lock()
    for line in sys.stdin.buffer:
        job = decode_job(line)
        threading.Thread(target=_answer, args=(job, answers, lock), daemon=True).start()
    os._exit(0)  # threads of the library would be waited for


def _answer(job: Job, answers: BinaryIO, lock: threading.Lock) -> None:
    said: list[str] = []
    _said.set(said)
    outcome = Delivery(job.id, ok=False, reason=_BUG)
    try:
        outcome = perform(job, said)
    finally:  # a bug of the library ends this thread, and costs this message alone
        with lock:
            answers.write(encode(outcome) + b"\n")
            answers.flush()


def perform(job: Job, said: list[str]) -> Delivery:
    """Do one job; `said` is what the library warns of meanwhile."""
    import apprise

    services = apprise.Apprise()
    all_known = services.add(job.url)
    if not len(services):
        return Delivery(job.id, ok=False, reason=_UNKNOWN, known=False)
    if isinstance(job, CheckUrl):
        reason = "" if all_known else f"one of its URLs is left out: {_UNKNOWN}"
        return Delivery(job.id, ok=all_known, reason=reason, lacking=not all_known)
    due = {number: one for number, one in enumerate(services) if number not in job.sent}
    with tempfile.TemporaryDirectory(prefix="mrk-notifier-") as folder:
        attached = [*_stored(job.pictures, Path(folder)), *job.attached]
        if len(due) == 1:
            reasons = {number: _notify(one, job, attached, said) for number, one in due.items()}
        else:
            reasons = _notify_all(due, job, attached)
    failed = [text for text in reasons.values() if text]
    if not failed:
        return Delivery(job.id, ok=True)
    sent = (*job.sent, *(number for number, text in reasons.items() if not text))
    reason = "; ".join(dict.fromkeys(failed))
    return Delivery(job.id, ok=False, reason=reason[:_REASON_CHARS], sent=sent)


def _notify_all(
    services: Mapping[int, Any], job: SendMessage, attached: Sequence[str]
) -> dict[int, str]:
    """At once; why each failed, empty where it did not."""
    late = f"it took longer than {SERVICE_S:g} s"
    reasons = dict.fromkeys(services, late)

    def notify(number: int, service: Any) -> None:
        said: list[str] = []
        _said.set(said)
        outcome = _BUG
        try:
            outcome = _notify(service, job, attached, said)
        finally:
            reasons[number] = outcome

    threads = [threading.Thread(target=notify, args=pair, daemon=True) for pair in services.items()]
    for thread in threads:
        thread.start()
    ends_at = time.monotonic() + SERVICE_S
    for thread in threads:
        thread.join(max(0.0, ends_at - time.monotonic()))
    return dict(reasons)


def _notify(service: Any, job: SendMessage, attached: Sequence[str], said: list[str]) -> str:
    """Why it failed; empty when it did not."""
    import apprise

    ok = apprise.Apprise(service).notify(
        body=job.body,
        title=job.title,
        body_format=job.body_format,
        attach=list(attached) or None,
    )
    return "" if ok else (said[-1] if said else _SILENT)


def _stored(pictures: tuple[Picture, ...], folder: Path) -> list[str]:
    """The library's services read files."""
    found = []
    for picture in pictures:
        path = folder / picture.name
        path.write_bytes(picture.body)
        found.append(str(path))
    return found


if __name__ == "__main__":
    main()
