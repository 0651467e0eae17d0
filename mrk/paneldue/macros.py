"""Macros that the display lists, and the box that asks before some of them run. Pure."""

from collections.abc import Sequence
from typing import Any

_TITLE = "Confirmation Dialog"


class Macros:
    """`plain` and `confirmed` are g-code, whose first word is the label."""

    def __init__(self, plain: Sequence[str], confirmed: Sequence[str]) -> None:
        self._plain = {line.split()[0]: line for line in plain}
        self._confirmed = {line.split()[0]: line for line in confirmed}
        self._asked: str | None = None
        self._boxes = 0

    @property
    def labels(self) -> list[str]:
        """All, each once."""
        return list(self._plain | self._confirmed)

    def script(self, label: str) -> str | None:
        """G-code of a macro that needs no question."""
        return None if label in self._confirmed else self._plain.get(label)

    def box(self, label: str) -> dict[str, Any] | None:
        """The question that a macro needs; None for one that needs none, or is not there."""
        script = self._confirmed.get(label)
        if script is None:
            return None
        self._asked = script
        self._boxes += 1
        return {
            "msgBox.mode": 3,
            "msgBox.msg": f"Run {script}?",
            "msgBox.seq": self._boxes,
            "msgBox.title": _TITLE,
            "msgBox.controls": 0,
            "msgBox.timeout": 0,
        }

    def take_answer(self, *, confirmed: bool) -> str | None:
        """G-code to be run now that a box was answered."""
        script, self._asked = self._asked, None
        return script if confirmed else None
