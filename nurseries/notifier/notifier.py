"""One notifier: its messages wait here, are made of templates, and tried until they are sent.

`serve` is its task, so that a slow service holds up nobody else; it ends when cancelled.
"""

import logging
import re
from typing import Any, Protocol

import msgspec
import trio

from config.secret import Hidden
from config.settings.notifiers import NotifierSettings
from config.template import EventTemplate
from config.template_errors import TemplateFailed
from mrk.notifier.attachments import wanted_attachments
from mrk.notifier.backlog import Backlog, WaitingMessage
from mrk.notifier.events import MINOR, ProgressMarks
from mrk.notifier.message import NotifierEvent, with_notes
from nurseries.notifier.attachments import Attachments
from nurseries.notifier.sending.messages import CheckUrl, Delivery, Job, SendMessage

logger = logging.getLogger(__name__)
# Pictures of messages that wait for another try; beyond that they go without.
KEPT_PICTURE_BYTES = 8 * 1024 * 1024
TITLE_CHARS = 1000


class MessageSender(Protocol):
    """Who gets messages out of the house (`sending/sender.py`)."""

    def next_id(self) -> int:
        """For a job's `id`."""

    async def perform(self, job: Job) -> Delivery:
        """Have a job done, within a limit; whatever goes wrong becomes a `Delivery`."""

    # `task_status` is Trio's.
    async def serve(self, *, task_status: Any = ...) -> None:
        """Run what is needed for it."""


class _Message(msgspec.Struct, eq=False):
    event: NotifierEvent
    job: SendMessage | None = None


class Notifier:
    """`trouble` says what is wrong with it, by kind."""

    def __init__(
        self, settings: NotifierSettings, sender: MessageSender, attachments: Attachments
    ) -> None:
        self.settings = settings
        self.marks = ProgressMarks(settings.progress)
        self.trouble: dict[str, str] = {}
        self._sender = sender
        self._attachments = attachments
        self._backlog: Backlog[_Message] = Backlog(settings.max_per_minute)
        self._arrived = trio.Event()
        # Of the library's words: parts of the URL that may be a token.
        parts = re.split(r"[:/@?&=#,;\s]+", settings.url.reveal())
        self._hidden = Hidden([settings.url.reveal(), *parts])

    @property
    def warnings(self) -> list[str]:
        """For server.info."""
        return [f"[notifier {self.settings.name}]: {text}" for text in self.trouble.values()]

    def put(self, event: NotifierEvent) -> None:
        """Have an event told; never waits."""
        minor = event.name in MINOR
        dropped = self._backlog.put(_Message(event), trio.current_time(), minor=minor)
        if dropped is not None:
            said = f"too many messages wait; '{dropped.event.name}' was dropped"
            if self.trouble.get("dropped") is None:
                logger.warning("notifier %s: %s", self.settings.name, said)
            self.trouble["dropped"] = said
        self._arrived.set()

    async def serve(self) -> None:
        """Send what waits."""
        await self._check()
        while True:
            await trio.lowlevel.checkpoint()
            # Before the look: what comes behind it wakes us again.
            self._arrived = trio.Event()
            due_at = self._backlog.due_at()
            if due_at is None:
                await self._arrived.wait()
            elif due_at > trio.current_time():
                with trio.move_on_at(due_at):
                    await self._arrived.wait()
            else:
                waiting = self._backlog.take(trio.current_time())
                if waiting is not None:
                    await self._try(waiting)

    async def send_now(self, event: NotifierEvent) -> Delivery:
        """Try one message once, past those that wait."""
        job = await self._made(event)
        if job is None:
            return Delivery(0, ok=False, reason="the template of the body is empty for this event")
        return self._told(await self._sender.perform(job))

    async def _check(self) -> None:
        url = self.settings.url.reveal()
        outcome = await self._sender.perform(CheckUrl(self._sender.next_id(), url))
        if not outcome.known:
            self.trouble["url"] = f"option 'url': {outcome.reason}; nothing is sent"
            logger.warning("%s", self.warnings[0])
        elif outcome.lacking:
            self.trouble["url"] = f"option 'url': {outcome.reason}"
            logger.warning("%s", self.warnings[0])

    async def _try(self, waiting: WaitingMessage[_Message]) -> None:
        message = waiting.message
        if message.job is None:
            message.job = await self._made(message.event)
        if message.job is None:  # an empty body: the template's way to say nothing
            self._backlog.succeeded(waiting)
            return
        job = msgspec.structs.replace(message.job, id=self._sender.next_id())
        outcome = self._told(await self._sender.perform(job))
        name, event = self.settings.name, message.event.name
        if outcome.ok:
            self._backlog.succeeded(waiting)
            self.trouble.pop("delivery", None)
            self.trouble.pop("dropped", None)
            logger.info("notifier %s: notified of %s", name, event)
            return
        if not outcome.known:
            self._backlog.succeeded(waiting)
            return
        self.trouble["delivery"] = f"not delivered: {outcome.reason}"
        if outcome.sent:  # the others of its URLs are tried again
            message.job = msgspec.structs.replace(message.job, sent=outcome.sent)
        self._keep_small(message)
        if self._backlog.failed(waiting, trio.current_time()):
            said = "notifier %s: %s is given up after %d tries: %s"
            logger.error(said, name, event, waiting.tries, outcome.reason)

    def _told(self, outcome: Delivery) -> Delivery:
        reason = self._hidden.redact(outcome.reason)
        return msgspec.structs.replace(outcome, reason=reason)

    def _keep_small(self, message: _Message) -> None:
        kept = [one.job for one in self._backlog.messages if one.job is not None]
        total = sum(len(picture.body) for job in kept for picture in job.pictures)
        if total > KEPT_PICTURE_BYTES and message.job is not None:
            note = "no picture: the message was sent late"
            body = with_notes(message.job.body, [note], self.settings.body_format)
            message.job = msgspec.structs.replace(message.job, pictures=(), body=body)

    async def _made(self, event: NotifierEvent) -> SendMessage | None:
        """The message, with its pictures; None for one without a body."""
        settings = self.settings
        title = self._rendered("title", settings.title, event, "")
        body = self._rendered("body", settings.body, event, event.name)
        if not body:
            return None
        wanted = wanted_attachments(self._rendered("attach", settings.attach, event, ""))
        found = await self._attachments.get(wanted, event.filename)
        self._note("attachment", " ".join(found.mistakes))
        return SendMessage(
            self._sender.next_id(),
            settings.url.reveal(),
            title[:TITLE_CHARS],
            with_notes(body, found.notes, settings.body_format),
            settings.body_format,
            tuple(found.paths),
            tuple(found.pictures),
        )

    def _rendered(
        self, option: str, template: EventTemplate | None, event: NotifierEvent, default: str
    ) -> str:
        if template is None:
            return default
        try:
            text = template.render(**event.context())
        except TemplateFailed as exc:
            self._note(option, f"option '{option}': the template fails: {exc}")
            return default
        self._note(option, "")
        return text

    def _note(self, kind: str, text: str) -> None:
        if not text:
            self.trouble.pop(kind, None)
        elif self.trouble.get(kind) != text:
            self.trouble[kind] = text
            logger.warning("notifier %s: %s", self.settings.name, text)
