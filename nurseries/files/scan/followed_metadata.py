"""Metadata whose changes are passed on to those who keep names of files."""

from pathlib import Path

from mrk.database.database_protocols import DatabasePort
from mrk.files.file_protocols import FileFollower
from nurseries.files.scan.metadata_store import MetadataStore
from nurseries.files.scan.scanner import Scanner


class FollowedMetadata(MetadataStore):
    """Metadata, whose changes tell followers that a file has moved or gone."""

    def __init__(
        self, gcodes: Path, scanner: Scanner, database: DatabasePort, object_processing: bool
    ) -> None:
        super().__init__(gcodes, scanner, database, object_processing=object_processing)
        self.followers: list[FileFollower] = []
        self._root = gcodes

    async def remove(self, path: str) -> None:
        """A file that is there again already is no news."""
        await super().remove(path)
        if not await self._threads.run((self._root / path).exists):
            for follower in self.followers:
                await follower.on_file_removed(path)

    async def move(self, source: str, dest: str) -> None:
        """Followers hear of it once the record has its new name."""
        await super().move(source, dest)
        for follower in self.followers:
            await follower.on_file_moved(source, dest)
