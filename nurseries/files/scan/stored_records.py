"""Records of metadata: held in memory, kept in the database, written later when that refuses.

One instance per generation, of `MetadataStore`, which runs `write_later`. In memory a record is its
JSON text, a tenth of a dict. Paths are relative to `gcodes`.
"""

import logging
from collections.abc import Iterable, Mapping

import msgspec
import trio

from mrk.database.database_protocols import DatabasePort, SqlConnection
from mrk.errors import ClientError
from mrk.foreign_json import NotJson, decode_by
from mrk.log.throttle import LogThrottle
from nurseries.files.scan.file_record import Record

logger = logging.getLogger(__name__)
NAMESPACE = "gcode_metadata"
# How long what a full disk refused waits.
RETRY_S = 30.0
_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Record)


class StoredRecords:
    """Records by path."""

    def __init__(self, database: DatabasePort, retry_s: float = RETRY_S) -> None:
        self._database = database
        self._retry_s = retry_s
        self._texts: dict[str, bytes] = {}
        # Paths whose record, or its absence, the database does not hold yet.
        self._unwritten: set[str] = set()
        self._write_failed = trio.Event()
        self._throttle = LogThrottle()

    async def load(self) -> None:
        """Read what is stored; raises `ClientError` without a database."""
        known = await self._database.run(_read_all)
        for path in self._unwritten:
            known.pop(path, None)
            if path in self._texts:
                known[path] = self._texts[path]
        self._texts = known

    async def write_later(self) -> None:
        """Try again what the database refused; runs until cancelled."""
        while True:
            await self._write_failed.wait()
            self._write_failed = trio.Event()
            await trio.sleep(self._retry_s)
            if self._unwritten:
                await self._write()

    def __contains__(self, path: str) -> bool:
        return path in self._texts

    def get(self, path: str) -> Record | None:
        """The record of a file, a new one with each call; None when there is none."""
        text = self._texts.get(path)
        try:
            return None if text is None else decode_by(_decoder, text)
        except NotJson:
            return None  # a damaged one, which the next scan replaces

    def below(self, path: str) -> list[str]:
        """The path itself when it has a record, else those of the folder that it is."""
        if path in self._texts:
            return [path]
        return [name for name in self._texts if name.startswith(path + "/")]

    async def keep(self, records: Mapping[str, Record], gone: Iterable[str] = ()) -> None:
        """Store some, and forget others."""
        await self._change({path: _encode(record) for path, record in records.items()}, gone)

    async def forget(self, paths: Iterable[str]) -> None:
        """These files are gone."""
        await self._change({}, paths)

    async def move_folder(self, source: str, dest: str) -> None:
        """Everything below `source` lies below `dest` now."""
        gone = self.below(source)
        await self._change({dest + name[len(source) :]: self._texts[name] for name in gone}, gone)

    async def retain(self, paths: Iterable[str]) -> None:
        """Forget every file but these."""
        there = set(paths)
        await self.forget([name for name in self._texts if name not in there])

    async def _change(self, texts: Mapping[str, bytes], gone: Iterable[str]) -> None:
        names = list(gone)
        for name in names:
            self._texts.pop(name, None)
        self._texts |= texts
        self._unwritten.update(names, texts)
        if names or texts:
            await self._write()

    async def _write(self) -> None:
        """What cannot be stored now is known nevertheless, and written later."""
        names, self._unwritten = self._unwritten, set()
        kept = [
            (NAMESPACE, name, self._texts[name].decode()) for name in names if name in self._texts
        ]
        is_written = False
        try:
            await self._database.run(lambda connection: _replace(connection, names, kept))
            is_written = True
        except ClientError as exc:
            text = f"metadata is not stored yet, tried again: {exc.message}"
            self._throttle.log(logger, text, trio.current_time())
        finally:
            # Also when who asked for it went away meanwhile.
            if not is_written:
                self._unwritten |= names
                self._write_failed.set()


def _read_all(connection: SqlConnection) -> dict[str, bytes]:
    rows = connection.execute(
        "SELECT key, CAST(value AS BLOB) FROM namespace_store WHERE namespace = ?", (NAMESPACE,)
    )
    return {key: value.decode(errors="replace").encode() for key, value in rows}


def _replace(
    connection: SqlConnection, names: Iterable[str], kept: list[tuple[str, str, str]]
) -> None:
    """Of these names, there are those that are kept."""
    connection.executemany(
        "DELETE FROM namespace_store WHERE namespace = ? AND key = ?",
        [(NAMESPACE, name) for name in names],
    )
    connection.executemany(
        "INSERT INTO namespace_store (namespace, key, value) VALUES (?, ?, ?)", kept
    )
