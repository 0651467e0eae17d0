"""A value from a client as an error shows it: briefly, and in JSON's words. Pure."""

import reprlib

MOST_CHARS = 60
_MOST_BITS = 3 * MOST_CHARS


class _Brief(reprlib.Repr):
    """`reprlib` asks for a method by the name of a value's type."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlist = self.maxdict = 10
        self.maxstring = self.maxother = 2 * MOST_CHARS

    def repr_NoneType(self, _value: None, _level: int) -> str:
        return "null"

    def repr_bool(self, value: bool, _level: int) -> str:
        return "true" if value else "false"

    def repr_int(self, value: int, _level: int) -> str:
        # Python refuses to write out thousands of digits.
        return repr(value) if value.bit_length() <= _MOST_BITS else "an integer of many digits"


def shown_value(value: object) -> str:
    """The beginning of a value, without writing out all of it; `null` and `true` as in JSON."""
    shown = repr(value[: MOST_CHARS + 1]) if isinstance(value, str) else _Brief().repr(value)
    return shown if len(shown) <= MOST_CHARS else shown[:MOST_CHARS] + "..."
