"""Bytes of large answers that clients have still to take: each lies in memory until it has left.

One instance per door. A client that asks on many connections and reads none of the answers is
refused, where it would take all memory of a small machine.
"""

from mrk.definitions.limits import MIB
from transports.door.address_budget import AddressBudget

# Smaller ones are not counted: two thousand of them are what a machine can bear.
COUNTED_BYTES = 64 * 1024


class AnswerBudget(AddressBudget):
    """One answer alone may be larger than what an address may have."""

    limit_bytes: int = 64 * MIB

    def take(self, size_bytes: int, address: str) -> bool:
        """Account for one more; False when it is too much. `give_back` once it has left."""
        if self.holds(address) and not self.has_room(size_bytes, address):
            return False
        self.hold(size_bytes, address)
        return True
