"""One sensor that tells over MQTT: messages wait, are read by its template, and become values.

Owned by `Sensors`, whose tasks call it; nothing here waits.
"""

import logging
from collections.abc import Callable
from functools import partial

from config.settings.sensors import SensorSettings
from config.template_errors import TemplateFailed
from mrk.log.throttle import LogThrottle
from mrk.sensors.history_field import FieldRules, HistoryField
from mrk.sensors.inbox import Inbox
from mrk.sensors.measurements import Measurements, Value, checked_name, checked_value

logger = logging.getLogger(__name__)
# A template runs in the event loop, where 5 ms are long; a meter's message has some 500 bytes.
PAYLOAD_BYTES = 64 * 1024
_REASON_CHARS = 200


class Sensor:
    """`is_paused` says whether a print is paused; `clock` gives seconds on a steady clock."""

    def __init__(
        self, settings: SensorSettings, is_paused: Callable[[], bool], clock: Callable[[], float]
    ) -> None:
        self.settings = settings
        self.measurements = Measurements(settings.store_size)
        self.fields = [
            HistoryField(_rules(settings, index)) for index in range(len(settings.history_fields))
        ]
        self._inbox = Inbox()
        self._is_paused = is_paused
        self._clock = clock
        self._throttle = LogThrottle()

    def put(self, payload: bytes) -> None:
        """A message: kept until its turn comes."""
        if len(payload) > PAYLOAD_BYTES:
            self._complain("a message is too large", f"{len(payload)} bytes")
        elif self._inbox.put(payload):
            self._complain("messages come faster than they are read", "the oldest are dropped")

    def read_one(self) -> bool:
        """Read the oldest message; False when there is none."""
        payload = self._inbox.take()
        if payload is None:
            return False
        try:
            found = self._rendered(payload)
            self.measurements.take(found)
        except (TemplateFailed, ValueError) as exc:
            self._complain("a message is not understood", str(exc))
            return True
        paused = self._is_paused()
        for field in self.fields:
            value = found.get(field.rules.parameter)
            if value is not None:
                field.take(value, paused=paused)
        return True

    def lose(self) -> None:
        """The broker is gone: what is known is too old from now on."""
        self._inbox.clear()
        self.measurements.forget()

    def known(self, field: HistoryField) -> Value | None:
        """The newest value that a field is made of."""
        return self.measurements.values.get(field.rules.parameter)

    def _rendered(self, payload: bytes) -> dict[str, Value]:
        """What the template finds; raises `TemplateFailed` and `ValueError`."""
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            raise ValueError("it is not UTF-8") from None
        found: dict[str, Value] = {}
        template = self.settings.state_response_template
        template.render(payload=text, set_result=partial(_set_result, found))
        return found

    def _complain(self, what: str, reason: str) -> None:
        # Reasons quote the message, and would be a new line each time.
        self._throttle.log(
            logger,
            f"sensor {self.settings.id}: {what}",
            self._clock(),
            after=f": {reason[:_REASON_CHARS]}",
        )


def _set_result(found: dict[str, Value], name: object, value: object) -> str:
    """What templates call; empty, because they print what it returns."""
    name = checked_name(name)
    try:
        found[name] = checked_value(value)
    except ValueError as exc:
        raise ValueError(f"set_result({name!r}): {exc}") from None
    return ""


def _rules(settings: SensorSettings, index: int) -> FieldRules:
    field = settings.history_fields[index]
    return FieldRules(
        provider=f"sensor {settings.id}",
        name=field.name,
        parameter=field.parameter,
        description=field.description,
        strategy=field.strategy,
        units=field.units,
        init_tracker=field.init_tracker,
        exclude_paused=field.exclude_paused,
        report_total=field.report_total,
        report_maximum=field.report_maximum,
        precision=field.precision,
    )
