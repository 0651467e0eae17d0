"""All webcams: those from the configuration, which only it changes, and stored ones.

Owns what the database holds of them, as far as it is known here: read at the first need, and again
after a write that went wrong and after one by `server.database`. No task of its own.
"""

import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

import msgspec
import trio

from config.settings.webcams import WebcamSettings
from mrk.clients.registry import Clients
from mrk.errors import ClientError
from mrk.webcams.changes import WebcamParams, changed, created
from mrk.webcams.webcam import CONFIGURED, Webcam, configured_uid, from_record, to_record

logger = logging.getLogger(__name__)
NAMESPACE = "webcams"
# A list of so many is sent to every client at each change.
MOST_STORED = 100


class WebcamItems(Protocol):
    """The part of `DatabasePort` that webcams need."""

    async def items(self, namespace: str) -> dict[str, Any]: ...

    async def put_item(self, namespace: str, key: str, value: Any) -> None: ...

    async def delete_item(self, namespace: str, key: str) -> Any: ...

    def on_client_write(
        self, namespace: str, read_again: Callable[[], Awaitable[None]]
    ) -> None: ...


class WebcamList(msgspec.Struct, frozen=True):
    """The answer of server.webcams.list: configured ones first."""

    webcams: list[Webcam]


class Webcams:
    """All webcams. `instance_id` (32 hexadecimal digits) seeds the uids of configured ones."""

    def __init__(
        self,
        configured: Iterable[WebcamSettings],
        instance_id: str,
        items: WebcamItems,
        clients: Clients,
    ) -> None:
        webcams = [_configured(one, instance_id) for one in configured]
        self._configured = {webcam.uid: webcam for webcam in webcams}
        self._items = items
        self._clients = clients
        self._known: dict[str, Webcam] | None = None
        self._reading = trio.Lock()
        items.on_client_write(NAMESPACE, self._read_again)

    async def all_webcams(self) -> list[Webcam]:
        """Configured ones, then stored ones that no configured one hides."""
        return self._listed(await self._stored())

    async def webcam(self, uid: str | None, name: str | None) -> Webcam:
        """One of them; raises `ClientError` 400 or 404."""
        return _required(self._find(await self._stored(), uid, name))

    async def save(self, params: WebcamParams) -> Webcam:
        """Add or change one; raises `ClientError` 400 or 404."""
        stored = await self._stored()
        old = self._find(stored, params.uid, params.name)
        if old is None:
            if params.uid is not None:
                raise _unknown()
            if len(stored) >= MOST_STORED:
                raise ClientError(f"{MOST_STORED} webcams are stored, the limit")
            new = created(params, str(uuid.uuid4()))
        else:
            new = changed(_stored_one(old), params)
            if new.name != old.name:
                if self._find(stored, None, new.name) is not None:
                    raise ClientError(f"A webcam named '{new.name}' exists already")
                del stored[old.uid]  # it moves to the end of the list
        stored[new.uid] = new
        await self._write(self._items.put_item(NAMESPACE, new.uid, to_record(new)))
        self._notify(stored)
        return new

    async def delete(self, uid: str | None, name: str | None) -> Webcam:
        """Delete one and return it; raises `ClientError` 400 or 404."""
        stored = await self._stored()
        webcam = _stored_one(_required(self._find(stored, uid, name)))
        del stored[webcam.uid]
        await self._write(self._items.delete_item(NAMESPACE, webcam.uid))
        self._notify(stored)
        return webcam

    async def _stored(self) -> dict[str, Webcam]:
        """Stored webcams by uid; what the caller changes without waiting is seen by the others."""
        known = self._known
        if known is None or self._reading.locked():
            # Who asks while they are read goes on in the order of asking.
            async with self._reading:
                known = self._known
                if known is None:
                    known = self._known = _stored_webcams(await self._items.items(NAMESPACE))
        return known

    async def _read_again(self) -> None:
        async with self._reading:
            before, self._known = self._known, None
        stored = await self._stored()
        if stored != before:
            self._notify(stored)

    async def _write(self, write: Any) -> None:
        try:
            await write
        except BaseException:
            # Whether it was stored or not, the database knows.
            self._known = None
            raise

    def _listed(self, stored: dict[str, Webcam]) -> list[Webcam]:
        names = {webcam.name for webcam in self._configured.values()}
        shown = [webcam for webcam in stored.values() if webcam.name not in names]
        return [*self._configured.values(), *shown]

    def _find(self, stored: dict[str, Webcam], uid: str | None, name: str | None) -> Webcam | None:
        if uid is None and name is None:
            raise ClientError("Argument 'uid' or 'name' is missing")
        for webcam in self._listed(stored):
            if webcam.uid == uid if uid is not None else webcam.name == name:
                return webcam
        return None

    def _notify(self, stored: dict[str, Webcam]) -> None:
        webcams = WebcamList(self._listed(stored))
        self._clients.broadcast_behind_answer("notify_webcams_changed", [webcams])


def _configured(settings: WebcamSettings, instance_id: str) -> Webcam:
    values = msgspec.structs.asdict(settings)
    uid = configured_uid(instance_id, settings.name)
    return Webcam(**values, source=CONFIGURED, uid=uid)


def _stored_webcams(records: dict[str, Any]) -> dict[str, Webcam]:
    """By uid; a record that is none is logged and left, and of equal names the first counts."""
    found: dict[str, Webcam] = {}
    for uid, record in records.items():
        try:
            webcam, wrong = from_record(uid, record)
        except ClientError as exc:
            logger.warning("a stored webcam is not shown: %s", exc.message)
            continue
        if any(webcam.name == other.name for other in found.values()):
            logger.warning("webcam %s is not shown: '%s' is stored twice", uid, webcam.name)
            continue
        if wrong:
            logger.warning("webcam '%s' has defaults: %s", webcam.name, "; ".join(wrong))
        found[uid] = webcam
    return found


def _unknown() -> ClientError:
    return ClientError("Webcam not found", 404)


def _required(webcam: Webcam | None) -> Webcam:
    if webcam is None:
        raise _unknown()
    return webcam


def _stored_one(webcam: Webcam) -> Webcam:
    if webcam.source == CONFIGURED:
        raise ClientError(f"Webcam '{webcam.name}' comes from the configuration")
    return webcam
