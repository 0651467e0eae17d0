"""server.sensors.*: sensors, their newest values and those of the last minutes."""

from collections.abc import Mapping
from typing import Any

import msgspec

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, get
from mrk.errors import ClientError
from mrk.sensors.history_field import FieldRules
from mrk.sensors.measurements import Value
from nurseries.sensors.sensor import Sensor

Series = dict[str, dict[str, list[Value]]]


class SensorListParams(msgspec.Struct, frozen=True):
    """`extended` adds what is configured of parameters and history fields."""

    extended: bool = False


class SensorInfoParams(msgspec.Struct, frozen=True):
    """`sensor` is its id."""

    sensor: str
    extended: bool = False


class MeasurementsParams(msgspec.Struct, frozen=True):
    """`sensor` is its id; empty: all."""

    sensor: str = ""


class ShownField(msgspec.Struct, frozen=True):
    """A field of the history, as configured."""

    field: str
    provider: str
    description: str
    strategy: str
    units: str | None
    init_tracker: bool
    exclude_paused: bool
    report_total: bool
    report_maximum: bool
    precision: int | None
    parameter: str


class ShownSensor(msgspec.Struct, frozen=True):
    """A sensor and its newest values: none before it sent any, null where it has none now."""

    id: str
    friendly_name: str
    type: str
    values: Mapping[str, Value]
    parameter_info: list[dict[str, str]] | msgspec.UnsetType = msgspec.UNSET
    history_fields: list[ShownField] | msgspec.UnsetType = msgspec.UNSET


class ShownSensors(msgspec.Struct, frozen=True):
    """The answer of server.sensors.list, by id."""

    sensors: dict[str, ShownSensor]


class SensorEndpoints:
    """The declarations and handlers; `sensors` by id."""

    def __init__(self, sensors: Mapping[str, Sensor]) -> None:
        self._sensors = sensors

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return [
            get(
                "/server/sensors/list",
                self.list,
                "Sensors and their newest values.",
                Access.VIEW,
                SensorListParams,
                ShownSensors,
            ),
            get(
                "/server/sensors/info",
                self.info,
                "One sensor and its newest values.",
                Access.VIEW,
                SensorInfoParams,
                ShownSensor,
            ),
            get(
                "/server/sensors/measurements",
                self.series,
                "Values of the last minutes, one a second, oldest first.",
                Access.VIEW,
                MeasurementsParams,
                Series,
            ),
        ]

    def list(self, params: SensorListParams, _caller: Caller) -> ShownSensors:
        """By id, as configured."""
        shown = {name: _shown(one, params.extended) for name, one in self._sensors.items()}
        return ShownSensors(shown)

    def info(self, params: SensorInfoParams, _caller: Caller) -> ShownSensor:
        """400 for one that is not configured."""
        return _shown(self._find(params.sensor), params.extended)

    def series(self, params: MeasurementsParams, _caller: Caller) -> Series:
        """By id, for one sensor too."""
        chosen: Mapping[str, Sensor] = self._sensors
        if params.sensor:
            chosen = {params.sensor: self._find(params.sensor)}
        return {name: sensor.measurements.series() for name, sensor in chosen.items()}

    def _find(self, name: str) -> Sensor:
        sensor = self._sensors.get(name)
        if sensor is None:
            raise ClientError(f"There is no sensor '{name:.60}' in the configuration")
        return sensor


def _shown(sensor: Sensor, extended: bool) -> ShownSensor:
    settings = sensor.settings
    parameters: Any = msgspec.UNSET
    fields: Any = msgspec.UNSET
    if extended:
        parameters = [{**facts, "name": name} for name, facts in settings.parameters.items()]
        fields = [_shown_field(field.rules) for field in sensor.fields]
    return ShownSensor(
        settings.id, settings.name, settings.type, sensor.measurements.values, parameters, fields
    )


def _shown_field(rules: FieldRules) -> ShownField:
    return ShownField(
        field=rules.name,
        provider=rules.provider,
        description=rules.description,
        strategy=rules.strategy,
        units=rules.units,
        init_tracker=rules.init_tracker,
        exclude_paused=rules.exclude_paused,
        report_total=rules.report_total,
        report_maximum=rules.report_maximum,
        precision=rules.precision,
        parameter=rules.parameter,
    )
