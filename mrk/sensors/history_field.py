"""One field of jobs that a sensor fills: its rules, and its value for the job under way. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mrk.jobs.job_protocols import AuxiliaryValue
from mrk.sensors.measurements import Number
from mrk.sensors.trackers import STRATEGIES

_EXACT = 2**53


class FieldRules(msgspec.Struct, frozen=True):
    """`provider` and `name` name the field, `parameter` the measurement; decimals as configured."""

    provider: str
    name: str
    parameter: str
    description: str
    strategy: str = "basic"
    units: str | None = None
    init_tracker: bool = False
    exclude_paused: bool = False
    report_total: bool = False
    report_maximum: bool = False
    precision: int | None = None


class HistoryField:
    """The field of one job after another."""

    def __init__(self, rules: FieldRules) -> None:
        self.rules = rules
        self._tracker = STRATEGIES[rules.strategy]()
        self._begun = False

    def begin(self, known: Number | None) -> None:
        """A job begins; `known` is the newest value of the measurement."""
        self._tracker.begin(known if self.rules.init_tracker else None)
        self._begun = True

    def take(self, value: Number, *, paused: bool) -> None:
        """A new value of the measurement."""
        if paused and self.rules.exclude_paused:
            self._tracker.skip(value)
        else:
            self._tracker.take(value)

    def resume(self, fields: Sequence[Mapping[str, Any]], known: Number | None) -> None:
        """The last job goes on: from its stored fields, if it did not begin before our eyes."""
        if self._begun:
            return
        self._begun = True
        for field in fields:
            if (field.get("provider"), field.get("name")) == (self.rules.provider, self.rules.name):
                self._tracker.go_on(field.get("value"))
                return
        self._tracker.begin(known if self.rules.init_tracker else None)

    def auxiliary(self) -> AuxiliaryValue:
        """The field as it is now."""
        rules = self.rules
        return AuxiliaryValue(
            provider=rules.provider,
            name=rules.name,
            value=_rounded(self._tracker.value, rules.precision),
            description=rules.description,
            units=rules.units,
            report_total=rules.report_total,
            report_maximum=rules.report_maximum,
        )


def _rounded(value: Any, precision: int | None) -> Any:
    if isinstance(value, int) and abs(value) > _EXACT:
        value = float(value)  # JSON's readers, and ours, have no larger integers
    if precision is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        return round(value, precision)
    return [_rounded(item, precision) for item in value] if isinstance(value, list) else value
