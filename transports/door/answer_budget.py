"""Bytes of large answers that clients have still to take: each lies in memory until it has left.

One instance per door. A client that asks on many connections and reads none of the answers is
refused, where it would take all memory of a small machine.
"""

import msgspec

MIB = 1024 * 1024
# Smaller ones are not counted: two thousand of them are what a machine can bear.
COUNTED_BYTES = 64 * 1024


class AnswerBudget(msgspec.Struct):
    """`limit_bytes` of all addresses, half of it of each; one answer alone may be larger."""

    limit_bytes: int = 64 * MIB
    held_bytes: int = 0
    # Of each address.
    _theirs: dict[str, int] = msgspec.field(default_factory=dict)

    def take(self, size_bytes: int, address: str) -> bool:
        """Account for one more; False when it is too much. `give_back` once it has left."""
        theirs = self._theirs.get(address, 0)
        is_much = (
            theirs + size_bytes > self.limit_bytes // 2
            or self.held_bytes + size_bytes > self.limit_bytes
        )
        if theirs and is_much:
            return False
        self._theirs[address] = theirs + size_bytes
        self.held_bytes += size_bytes
        return True

    def give_back(self, size_bytes: int, address: str) -> None:
        """It has left, or its client has."""
        self.held_bytes -= size_bytes
        left = self._theirs.get(address, 0) - size_bytes
        if left > 0:
            self._theirs[address] = left
        else:
            self._theirs.pop(address, None)
