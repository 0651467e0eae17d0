"""A gcodes folder that is only a dictionary, for tests and short demonstrations.

Owned by whoever made it; files may be added while Klippy runs.
"""

from mrk.virtual_printer.objects.virtual_sdcard import SdcardFile


class MemoryFile:
    """An opened entry of a `MemoryFolder`."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    @property
    def size_bytes(self) -> int:
        """The whole length."""
        return len(self._content)

    def read_at(self, position: int, size: int) -> bytes:
        """At most `size` bytes from `position`."""
        return self._content[position : position + size]

    def close(self) -> None:
        """Nothing to give back."""


class MemoryFolder:
    """`files` maps relative names to content."""

    def __init__(self) -> None:
        self.path = "/home/pi/printer_data/gcodes"
        self.files: dict[str, bytes] = {}

    def list(self) -> list[tuple[str, int]]:
        """Names and sizes, sorted."""
        return sorted((name, len(content)) for name, content in self.files.items())

    def open(self, name: str) -> SdcardFile:
        """Open an entry; raises `FileNotFoundError`."""
        if name not in self.files:
            raise FileNotFoundError(name)
        return MemoryFile(self.files[name])
