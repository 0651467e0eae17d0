"""Whose a name is on a broker: two installations of one name would speak as one. Pure.

Each installation keeps its mark on `<name>/moonraker/installation`, retained. Who connects reads it
first: a name with another's mark, who is there, is left to him, and so is one that was left before.
"""

OWN_PROBE = b"?"
# Marks of others that are answered on one connection, when several come at the same time.
MOST_ANSWERS = 3
MARK_BYTES = 64


def names(name: str, installation: str) -> tuple[str, ...]:
    """What an installation calls itself, in turn: the next one where all before are taken."""
    return (name, f"{name}-{installation[:4]}", f"{name}-{installation}")


class NameClaim:
    """What was heard of one name. `installation` is our own mark, in ASCII.

    `left_before`: it was left to another by an earlier run.
    """

    def __init__(self, installation: str, left_before: bool) -> None:
        self._own = installation.encode()
        self._left_before = left_before
        self._other: bytes | None = None
        self._is_there = False
        self._answers = 0

    @property
    def mark(self) -> bytes:
        """What we leave there when the name is ours."""
        return self._own

    @property
    def probe(self) -> bytes:
        """A message that comes back to us behind everything that the broker has kept."""
        return OWN_PROBE + self._own

    def hear_status(self, payload: bytes, online: bytes) -> None:
        """The status that somebody of this name left."""
        self._is_there = payload == online

    def hear(self, payload: bytes) -> None:
        """A mark that was kept."""
        if self._is_mark(payload):
            self._other = None if payload == self._own else payload

    def _is_mark(self, payload: bytes) -> bool:
        return 0 < len(payload) <= MARK_BYTES and not payload.startswith(OWN_PROBE)

    @property
    def is_taken(self) -> bool:
        """Whether the name is to be left to another."""
        return self._other is not None and (self._is_there or self._left_before)

    def answer(self, payload: bytes) -> bytes | None:
        """A mark that comes while the name is ours: what is said in return, if anything.

        Of two that came at the same time the smaller stays; then `is_taken` is set for the other.
        """
        if not self._is_mark(payload) or payload == self._own or self._answers >= MOST_ANSWERS:
            return None
        self._answers += 1
        if payload > self._own:
            return self._own
        self._other, self._is_there = payload, True
        return None
