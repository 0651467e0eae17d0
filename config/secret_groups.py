"""The secrets file as templates see it, and what is noted of their reading."""

from collections.abc import Iterator, Mapping

import msgspec

from config.secret import Hidden
from config.secret_options import is_ordinary

MOST_MISSING = 20


class Readings(msgspec.Struct):
    """What templates read: texts to hide, and names that the file does not have."""

    hidden: Hidden = msgspec.field(default_factory=Hidden)
    missing: list[str] = []

    def miss(self, name: str) -> None:
        """Note a name; only some, since a template of every use may go on asking."""
        if len(self.missing) < MOST_MISSING:
            self.missing.append(name)

    def take_missing(self) -> list[str]:
        """Return the names missed since the last call."""
        found, self.missing = self.missing, []
        return found


class SecretGroup:
    """An object of the secrets file: `{secrets.group.name}`.

    Templates never see an attribute of it, so that no name in the file meets one of ours. Every
    text that is read is hidden from then on, except names of users and hosts.
    """

    __slots__ = ("_path", "_readings", "_values")

    def __init__(
        self, values: Mapping[str, object], readings: Readings, path: str = "secrets"
    ) -> None:
        self._values = values
        self._readings = readings
        self._path = path

    def path_of(self, name: object) -> str:
        """How a template names a value of this group."""
        return f"{self._path}.{name}"

    def __getitem__(self, name: str) -> object:
        if name not in self._values:
            self._readings.miss(self.path_of(name))
            raise KeyError(name)
        return self._shown(self._values[name], self.path_of(name))

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<{self._path}>"

    def _shown(self, value: object, path: str) -> object:
        if isinstance(value, dict):
            return SecretGroup(value, self._readings, path)
        if isinstance(value, list):
            return [self._shown(item, path) for item in value]
        if not isinstance(value, bool | None) and not is_ordinary(path.rpartition(".")[2]):
            self._readings.hidden.add(str(value))
        return value
