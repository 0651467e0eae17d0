"""HTTP paths with captures: `{name}` stands for one segment, `{name...}` for all that is left.

What was captured becomes arguments. The table asks patterns only for paths that no endpoint
names exactly.
"""


class RoutePattern:
    """One such path, cut once."""

    def __init__(self, path: str) -> None:
        """Raises `ValueError` for a capture that could never or not uniquely match."""
        self._segments = [_Segment(text) for text in path.split("/")]
        names = [segment.name for segment in self._segments if segment.name is not None]
        if len(set(names)) != len(names) or "" in names:
            raise ValueError(f"{path}: captures need names of their own")
        if any(segment.rest for segment in self._segments[:-1]):
            raise ValueError(f"{path}: only the last capture can take what is left")
        self._rest = self._segments[-1].rest

    @staticmethod
    def is_one(path: str) -> bool:
        """Whether a path holds captures."""
        return "{" in path

    def match(self, path: str) -> dict[str, str] | None:
        """What the captures stand for in `path`, none of them empty; None when it is another."""
        parts = path.split("/", len(self._segments) - 1 if self._rest else -1)
        if len(parts) != len(self._segments):
            return None
        captured: dict[str, str] = {}
        for segment, part in zip(self._segments, parts, strict=True):
            if segment.name is None:
                if part != segment.text:
                    return None
            elif not part:
                return None
            else:
                captured[segment.name] = part
        return captured


class _Segment:
    """Between two slashes: a text, or a capture's name."""

    __slots__ = ("name", "rest", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.name: str | None = None
        self.rest = False
        if text.startswith("{") and text.endswith("}"):
            self.rest = text.endswith("...}")
            self.name = text[1:-4] if self.rest else text[1:-1]
        elif "{" in text or "}" in text:
            raise ValueError(f"{text}: a capture is a whole segment")
