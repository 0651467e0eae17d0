"""Cuts what comes over a serial port into lines. Pure: bytes in, texts out."""

LINE_BYTES = 1024


class LineCutter:
    """Cuts lines; of one without an end only the last `LINE_BYTES` are kept."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that are whole now, without their ends; what is not UTF-8 is left out."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-LINE_BYTES:]
        return [line[-LINE_BYTES:].decode(errors="ignore").rstrip("\r") for line in lines]
