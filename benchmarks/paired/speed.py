"""How fast the machine is, noted between the rounds: a table without it cannot be judged."""

from benchmarks.process import reference_ms
from benchmarks.statistics import median


class Speed:
    """Processor time of one fixed piece of work, at each `note`."""

    def __init__(self) -> None:
        self.samples_ms: list[float] = []
        self.note()

    def note(self) -> None:
        """Do the piece of work once."""
        self.samples_ms.append(reference_ms())

    def line(self) -> str:
        """For people: the middle and the ends."""
        samples = self.samples_ms
        return (
            f"fixed piece of work: {median(samples):.1f} ms"
            f" ({min(samples):.1f} to {max(samples):.1f}, {len(samples)} times between the rounds)"
        )
