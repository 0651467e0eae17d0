"""`<data>/moonraker.secrets`: values that templates name instead of writing them out.

JSON is tried first, then INI. Read once at a start; a bad file costs a warning and its
values, never the start.
"""

from collections.abc import Iterator, Mapping

from config.secret import Hidden


class SecretGroup:
    """An object of the secrets file as templates see it: `{secrets.group.name}`.

    Has no public attribute, so that a name in the file never meets one of ours. Every text
    that is read is hidden from then on.
    """

    __slots__ = ("_hidden", "_values")

    def __init__(self, values: Mapping[str, object], hidden: Hidden) -> None:
        self._values = values
        self._hidden = hidden

    def __getitem__(self, name: str) -> object:
        return self._shown(self._values[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return "<secrets>"

    def _shown(self, value: object) -> object:
        if isinstance(value, dict):
            return SecretGroup(value, self._hidden)
        if isinstance(value, list):
            return [self._shown(item) for item in value]
        if not isinstance(value, bool | None):
            self._hidden.add(str(value))
        return value
