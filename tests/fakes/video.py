"""Video nodes that answer ioctls from a description, as drivers do."""

import struct
from dataclasses import dataclass, field

from mrk.machine.v4l2 import ENUMERATE_FORMATS, ENUMERATE_SIZES, QUERY_CAPABILITY

STEPWISE = "steps"


@dataclass
class FakeVideoNode:
    """`formats`: fourcc, description, flags and sizes; STEPWISE instead of sizes is a range."""

    flags: int
    formats: list[tuple[str, str, int, list[str] | str]] = field(default_factory=list)
    driver: str = "uvcvideo"
    card: str = "UVC Camera (046d:0825)"
    endless: bool = False
    broken: bool = False
    closed: int = 0

    def ask(self, request: int, buffer: bytearray) -> bool:
        if self.broken:
            return False
        if request == QUERY_CAPABILITY:
            texts = (self.driver.encode(), self.card.encode(), b"usb-0000:01:00.0-1.1")
            struct.pack_into(
                "=16s32s32sLLL", buffer, 0, *texts, 0x06061F, self.flags | 0x80000000, self.flags
            )
            return True
        if request == ENUMERATE_FORMATS:
            return self._format(buffer)
        assert request == ENUMERATE_SIZES
        return self._size(buffer)

    def _format(self, buffer: bytearray) -> bool:
        (index,) = struct.unpack_from("=L", buffer)
        if self.endless:
            index = 0
        if index >= len(self.formats):
            return False
        name, description, flags, _ = self.formats[index]
        code = int.from_bytes(name.encode(), "little")
        struct.pack_into("=L32sL", buffer, 8, flags, description.encode(), code)
        return True

    def _size(self, buffer: bytearray) -> bool:
        index, code = struct.unpack_from("=LL", buffer)
        sizes = next(f[3] for f in self.formats if int.from_bytes(f[0].encode(), "little") == code)
        if sizes == STEPWISE:
            struct.pack_into("=LLL", buffer, 8, 3, 16, 4096)
            return index == 0
        if self.endless:
            index = 0
        if index >= len(sizes):
            return False
        width, _, height = sizes[index].partition("x")
        struct.pack_into("=LLL", buffer, 8, 1, int(width), int(height))
        return True

    def close(self) -> None:
        self.closed += 1
