"""The file manager on a real folder, its neighbours made of memory."""

import json
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import trio

from config.paths import Paths, create_folders
from config.settings.file_manager import FileManagerSettings
from mrk.api.caller import Caller, Transport
from mrk.api.table import Table
from mrk.clients.outbox import Outbox
from mrk.clients.registry import Client, Clients
from mrk.definitions.roles import Role
from mrk.fanout import Fanout
from mrk.files.arrived import ArrivedFile
from mrk.files.file_protocols import UnpackedModel
from mrk.files.temporary import TOKEN_BYTES, Purpose, temporary_name
from mrk.klippy.events import Identified, KlippyEvent
from nurseries.files.disk import mount_of
from nurseries.files.file_manager import FileManager
from tests.fakes.no_klippy import NoKlippyFacts
from tests.fakes.results import read_result

LIMIT_S = 20


class MemoryMetadata:
    """Implements `Metadata`: a record says the file's size and time."""

    def __init__(self, gcodes: Path) -> None:
        self.gcodes = gcodes
        self.records: dict[str, dict[str, Any]] = {}
        self.scans: list[str] = []
        self.retained: list[str] | None = None
        self.unpacks = b"UFP"
        self.may_scan = trio.Event()
        self.may_scan.set()

    def has(self, path: str) -> bool:
        return path in self.records

    def get(self, path: str) -> Mapping[str, Any] | None:
        return self.records.get(path)

    async def request_scan(
        self, path: str, arrived: ArrivedFile | None = None, *, anew: bool = False
    ) -> Mapping[str, Any] | None:
        await self.may_scan.wait()
        self.scans.append(path)
        try:
            status = os.stat(self.gcodes / path)
        except OSError:
            return None
        self.records[path] = {
            "size": status.st_size,
            "modified": status.st_mtime,
            "print_start_time": None,
            "job_id": None,
            "slicer": "Fake",
            "thumbnails": [
                {"width": 32, "height": 32, "size": 9, "relative_path": ".thumbs/x.png"}
            ],
        }
        if arrived is not None:
            self.records[path]["sha256"] = arrived.sha256
        return self.records[path]

    async def unpack(self, package: Path, path: str, plate: int = 0) -> UnpackedModel | None:
        """A package is the word UFP and a model, a project 3MF and a letter for each plate."""
        content = package.read_bytes()
        if content.startswith(b"3MF"):
            plates = content[3:]
            model = package.with_name(temporary_name(Purpose.REWRITE, os.urandom(TOKEN_BYTES)))
            model.write_bytes(plates[max(plate - 1, 0) :][:1])
            return UnpackedModel(model, list(range(2, len(plates) + 1)) if not plate else ())
        if not content.startswith(self.unpacks):
            return None
        model = package.with_name(temporary_name(Purpose.REWRITE, bytes(TOKEN_BYTES)))
        model.write_bytes(content[len(self.unpacks) :])
        return UnpackedModel(model)

    async def remove(self, path: str) -> None:
        for known in list(self.records):
            if known == path or known.startswith(path + "/"):
                del self.records[known]

    async def move(self, source: str, dest: str) -> None:
        for known in list(self.records):
            if known == source or known.startswith(source + "/"):
                self.records[dest + known[len(source) :]] = self.records.pop(known)

    async def retain(self, paths: Iterable[str]) -> None:
        self.retained = list(paths)


class Printing:
    """Implements `InUse`."""

    def __init__(self) -> None:
        self.file: PurePosixPath | None = None

    def is_in_use(self, path: PurePosixPath) -> bool:
        return self.file is not None and (path == self.file or path in self.file.parents)


class FakeKlipper(NoKlippyFacts):
    """Implements `KlippyFacts`."""

    def __init__(self) -> None:
        self.info: Mapping[str, Any] = {}
        self.events: Fanout[KlippyEvent] = Fanout()

    def open_events(self, name: str, size: int, *kinds: type) -> Any:
        return self.events.open_reader(name, size, *kinds)

    def connect(self, **info: Any) -> None:
        self.info = info
        self.events.publish(Identified(info))


class FileHouse:
    """A data folder, the manager, one client that listens."""

    def __init__(
        self, data: Path, mount_of: Callable[[str], str] = mount_of, **settings: Any
    ) -> None:
        self.data = data
        self.paths = Paths.resolve(environ={}, data_path=data)
        create_folders(self.paths)
        self.gcodes, self.config = self.paths.gcodes, self.paths.config
        self.clients = Clients()
        self.metadata = MemoryMetadata(self.gcodes)
        self.printing = Printing()
        self.klipper = FakeKlipper()
        self.manager = FileManager(
            self.paths,
            FileManagerSettings(**settings),
            self.clients,
            self.klipper,
            self.metadata,
            self.printing,
            mount_of=mount_of,
        )
        self.table = Table(self.manager.endpoints())
        self.role = Role.ADMIN  # the callers'
        self.connection_id: int | None = None  # theirs, too
        self._heard = trio.Event()
        outbox = Outbox(lambda payload: payload + b"\n", 400_000_000, lambda: self._heard.set())
        self.client = Client(self.clients.next_id(), Transport.WEBSOCKET, outbox, authorized=True)
        self.clients.add(self.client)

    async def call(self, method: str, **params: Any) -> Any:
        """The result as a client reads it."""
        return await self._finish(self.table.method(method, Transport.WEBSOCKET), params)

    async def http(self, verb: str, route: str, **params: Any) -> Any:
        """The same, by its route."""
        return await self._finish(self.table.route(verb, route), params)

    async def _finish(self, method: Any, params: dict[str, Any]) -> Any:
        who = Caller(Transport.WEBSOCKET, connection_id=self.connection_id, role=self.role)
        outcome = method.call(params, who)
        return await read_result(outcome)

    def waiting(self) -> list[dict[str, Any]]:
        """Notifications that have come and were not looked at."""
        lines = self.client.outbox.take().splitlines()
        messages = [json.loads(line) for line in lines]
        assert {message["method"] for message in messages} <= {"notify_filelist_changed"}
        return [message["params"][0] for message in messages]

    async def heard(self, count: int) -> list[dict[str, Any]]:
        """The next notifications, once there are that many."""
        found = self.waiting()
        with trio.fail_after(LIMIT_S):
            while len(found) < count:
                self._heard = trio.Event()
                found += self.waiting()
                if len(found) < count:
                    await self._heard.wait()
        return found

    async def told(self, count: int) -> list[tuple[str, ...]]:
        """The same, short: action, path with root, and where it came from."""
        return [short(change) for change in await self.heard(count)]

    async def silence(self) -> list[tuple[str, ...]]:
        """All that is told before a sign that we give: nothing may be."""
        sign = self.config / "sign"
        sign.write_text("x")
        found = []
        while ("create_file", "config/sign") not in found:
            found += await self.told(1)
        sign.unlink()
        while ("delete_file", "config/sign") not in found:
            found += await self.told(1)
        signs = [("create_file", "config/sign"), ("delete_file", "config/sign")]
        return [one for one in found if one not in signs]


def short(change: dict[str, Any]) -> tuple[str, ...]:
    item, source = change["item"], change.get("source_item")
    words = [change["action"], f"{item['root']}/{item['path']}"]
    if source is not None:
        words.append(f"{source['root']}/{source['path']}")
    return tuple(words)


@asynccontextmanager
async def open_files(data: Path, **settings: Any) -> AsyncIterator[FileHouse]:
    """Serving while the block lasts."""
    house = FileHouse(data, **settings)
    async with serving(house):
        yield house


@asynccontextmanager
async def serving(house: FileHouse) -> AsyncIterator[None]:
    with trio.fail_after(2 * LIMIT_S):
        async with trio.open_nursery() as nursery:
            await nursery.start(house.manager.serve)
            yield
            nursery.cancel_scope.cancel()
