"""Bytes that are held for clients, by address. Those who count say what is too much of them."""

import msgspec


class AddressBudget(msgspec.Struct):
    """`limit_bytes` of all addresses, half of it of each."""

    limit_bytes: int
    held_bytes: int = 0
    # Of each address that holds any.
    _theirs: dict[str, int] = msgspec.field(default_factory=dict)

    def holds(self, address: str) -> bool:
        """Whether anything is held for an address."""
        return address in self._theirs

    def has_room(self, size_bytes: int, address: str) -> bool:
        """Whether so much more stays within the limit, and within its half."""
        theirs = self._theirs.get(address, 0) + size_bytes
        return theirs <= self.limit_bytes // 2 and self.held_bytes + size_bytes <= self.limit_bytes

    def hold(self, size_bytes: int, address: str) -> None:
        """So much more is held."""
        self._theirs[address] = self._theirs.get(address, 0) + size_bytes
        self.held_bytes += size_bytes

    def give_back(self, size_bytes: int, address: str) -> None:
        """What was held is no longer."""
        self.held_bytes -= size_bytes
        left = self._theirs.get(address, 0) - size_bytes
        if left > 0:
            self._theirs[address] = left
        else:
            self._theirs.pop(address, None)
