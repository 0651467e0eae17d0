"""One linked Klipper: its connection, state and status, from connect to disconnect.

Built by the link for each connection and dropped with it. Klipper's messages are taken here,
synchronously and in order.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec
import trio
from trio.abc import Stream

from mrk.clients.send_batch import SENDS_AT_ONCE, SendBatch
from mrk.errors import ClientError
from mrk.klippy.events import GcodeResponse, KlippyEvent
from mrk.klippy.link_errors import KlippyLost
from mrk.klippy.messages import JunkFrame, decode_value, is_empty, read_status, read_update
from mrk.klippy.peer import SocketPeer
from mrk.klippy.push_reader import STATUS_METHOD, PushReader
from mrk.klippy.remote_methods import BadRemoteCall, RemoteMethods
from mrk.klippy.round_trips import RoundTrips
from mrk.klippy.state import READY, KlippyState
from mrk.log.throttle import LogThrottle
from mrk.status.subscriptions import StatusReader, Wanted
from mrk.status.tracker import StatusTracker
from mrk.status.update import StatusDelta, StatusUpdate
from nurseries.klippy.klippy_connection import KlippyConnection
from nurseries.klippy.klippy_request import KlippyRequest, OnReply
from nurseries.klippy.subscribing import Install, Subscribing

logger = logging.getLogger(__name__)
Publish = Callable[[KlippyEvent], None]
# With the names of the objects that it tells something of.
PublishStatus = Callable[[StatusUpdate, Collection[str]], None]

OUTPUT_METHOD = "process_gcode_response"


class LinkedKlippy:
    """Everything known of one connected Klipper."""

    def __init__(
        self,
        stream: Stream,
        methods: RemoteMethods,
        publish: Publish,
        publish_status: PublishStatus,
        send_batch: SendBatch,
        round_trips: RoundTrips,
    ) -> None:
        self._pushes = PushReader(("webhooks",))
        self.connection = KlippyConnection(
            stream, self._take_push, self._on_message, send_batch, round_trips.note
        )
        self.session = KlippyState()
        self.board = StatusTracker()
        self.info: Mapping[str, Any] = {}
        self.peer: SocketPeer | None = None
        self.endpoint_names: tuple[str, ...] = ()
        self.missing_requirements: list[str] = []
        self.object_names: frozenset[str] = frozenset()  # empty until Klipper has told them
        self.virtual_sd_path: str | None = None
        self.ready_again = trio.Event()
        self.publish = publish
        self._publish_status = publish_status
        self._send_batch = send_batch
        self.methods = methods
        self.registered: set[str] = set()
        self._subscribing = Subscribing(self.board, self._subscription, self._take_status)
        # What each reader asked for last, while that is waited for.
        self._asked_last: dict[StatusReader, Wanted] = {}
        self._throttle = LogThrottle()

    async def request(
        self, method: str, params: Mapping[str, Any] | None = None, *, urgent: bool = False
    ) -> msgspec.Raw | str:
        """The raw result, or `ok` for an empty one; raises `ClientError`."""
        raw = await self.connection.request(method, params, urgent=urgent)
        return "ok" if is_empty(raw) else raw

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """The decoded result, or `ok`."""
        raw = await self.request(method, params)
        if isinstance(raw, str):
            return raw
        try:
            return decode_value(raw)
        except JunkFrame as exc:
            raise ClientError(f"{method}: Klippy's answer cannot be read: {exc}", 500) from exc

    async def subscribe(self, reader: StatusReader, wanted: Wanted) -> dict[str, Any]:
        """Replace a reader's subscription; returns `{"eventtime", "status"}`.

        Waits as long as the link holds: who asks once for each ready printer would be without it
        until the next, had it given up on a Klipper that stood still. Raises `ClientError`.
        """
        self.board.remove(reader)
        self._asked_last[reader] = wanted

        def install(status: StatusDelta) -> None:
            # An earlier one may be answered later: a reply serves all that it covers.
            if self._asked_last.get(reader) is wanted:
                self.board.set(reader, self._existing(wanted, status))

        try:
            return await self._subscribe(wanted, install)
        finally:
            if self._asked_last.get(reader) is wanted:
                del self._asked_last[reader]

    async def subscribe_shared(self, wanted: Wanted) -> dict[str, Any]:
        """Add to the subsystems' shared subscription, which only grows."""
        return await self._subscribe(wanted, lambda _status: self._share(wanted))

    def _share(self, wanted: Wanted) -> None:
        self.board.share(wanted)
        self._pushes = PushReader(("webhooks", *self.board.shared))

    async def _subscribe(self, wanted: Wanted, install: Install) -> dict[str, Any]:
        status = await self._subscribing.subscribe(wanted, install)
        if self.connection.lost:
            raise KlippyLost()  # the reply was read, and the subscription is gone again
        return self.board.answer(wanted, status)

    def _subscription(self, asked: Mapping[str, Any], on_reply: OnReply) -> KlippyRequest:
        params = {"objects": asked, "response_template": {"method": STATUS_METHOD}}
        return KlippyRequest(self.connection, "objects/subscribe", params, on_reply)

    def _take_status(self, asked: Mapping[str, Any], raw: msgspec.Raw) -> StatusDelta:
        status, eventtime = self._read_reply(raw)
        update = StatusUpdate(self.board.subscribed(asked, status, eventtime), eventtime)
        self._take_unread(update)
        return status

    def _existing(self, entry: Wanted, status: StatusDelta) -> Wanted:
        """The part of a subscription that there is.

        Else Klipper would be asked for each client's unknown names with anybody's subscription.
        """
        listed = self.object_names
        if not listed:
            return entry
        there = [name for name in entry if name in listed or status.get(name, True)]
        return {name: entry[name] for name in there}

    def _read_reply(self, raw: msgspec.Raw) -> tuple[StatusDelta, float]:
        try:
            return read_status(decode_value(raw))
        except JunkFrame:
            logger.warning("Klipper answered a subscription with junk")
            return {}, 0.0

    def register_remote_method(self, name: str) -> None:
        """Tell Klipper a name that came after it was ready."""
        if self.session.state == READY and name not in self.registered:
            self.registered.add(name)
            self.connection.post("register_remote_method", remote_method_params(name))

    def _take_push(self, frame: bytes) -> bool:
        """Take nearly all of what comes from Klipper: status in its usual form."""
        update = self._pushes.read(frame)
        if update is None:
            return False
        self.board.add(update)
        if update.found:
            self._tell(update, update.found)
        self._push(update)
        return True

    def _on_message(self, method: str, raw: msgspec.Raw) -> None:
        if method == STATUS_METHOD:
            update = read_update(raw)
            self.board.add(update)
            self._take_unread(update)
            return
        params = decode_value(raw)
        if method == OUTPUT_METHOD:
            text = params.get("response") if isinstance(params, dict) else None
            if isinstance(text, str):
                self.publish(GcodeResponse(text))
        else:
            self._on_remote_call(method, params)

    def _take_unread(self, update: StatusUpdate) -> None:
        names = self._pushes.names
        if update.may_change(names):
            # Of what clients alone follow, subsystems would hear some changes, and not others.
            self._tell(update, update.names & names)
        self._push(update)

    def _push(self, update: StatusUpdate) -> None:
        if len(self.board.readers) <= SENDS_AT_ONCE:
            self.board.push(update)
        else:
            with self._send_batch:
                self.board.push(update)

    def _tell(self, update: StatusUpdate, about: Collection[str]) -> None:
        """Tell subsystems; `about` has the names of what they follow."""
        if "webhooks" in about:
            self._on_webhooks(update)
        self._publish_status(update, about)

    def _on_webhooks(self, update: StatusUpdate) -> None:
        webhooks = update.fields("webhooks")
        if webhooks is None:
            return
        events = self.session.on_webhooks(webhooks.get("state"), webhooks.get("state_message"))
        for event in events:
            self.publish(event)
        if self.session.preparing and self.session.reported == READY:
            self.ready_again.set()

    def _on_remote_call(self, method: str, params: Any) -> None:
        try:
            call = self.methods.bind(method, params)
        except BadRemoteCall as exc:
            self._throttle.log(logger, f"Klipper called {exc}", trio.current_time())
            return
        try:
            call()
        except Exception:
            # One call by one macro is one client's request: nobody else may suffer from it.
            logger.exception("remote method %s failed", method)


def remote_method_params(name: str) -> dict[str, Any]:
    """Params of `register_remote_method`."""
    return {"remote_method": name, "response_template": {"method": name}}
