"""`[sensor <name>]`: measurements from outside, and what of them goes into the history.

Read by `read_sensors`. A section with a mistake is left out with a warning, as a sensor is not
worth a printer that does not start. Of two sections that name one sensor, the later one counts.
"""

from collections.abc import Mapping
from functools import partial

import msgspec

from config.config_errors import quoted
from config.notices import Notice
from config.paths import Paths
from config.reader import ConfigReader
from config.section import Required, Section
from config.template import EventTemplate
from config.values import QOS, Bounds, choice, integer, topic

STRATEGIES = ("basic", "accumulate", "delta", "average", "maximum", "minimum", "collect")
TYPE = "mqtt"
_PRECISION = Bounds(low=0, high=15)
# Four hours; a client that asks for them gets them in one answer.
_STORE_SIZE = Bounds(low=1, high=14400, clamps=True)
_PARAMETER, _HISTORY_FIELD = "parameter_", "history_field_"


class HistoryFieldSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A field of every job, made of one measurement; `precision` in decimals, None for all."""

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


_FIELD_KEYS = {
    "desc" if name == "description" else name
    for name in HistoryFieldSettings.__struct_fields__
    if name != "name"
}


class SensorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One sensor. `parameters`: measurement -> facts about it, such as `units`.

    `type` is as written; `qos` None takes that of `[mqtt]`; `store_size` in samples, one a second.
    """

    id: str
    name: str
    type: str
    state_topic: str
    state_response_template: EventTemplate
    qos: int | None = None
    store_size: int = 1200
    parameters: Mapping[str, Mapping[str, str]] = {}
    history_fields: tuple[HistoryFieldSettings, ...] = ()


def read_sensors(reader: ConfigReader, paths: Paths) -> tuple[SensorSettings, ...]:
    """Read every `[sensor <name>]`; mistakes become warnings."""
    found: dict[str, SensorSettings] = {}
    for sensor in reader.entries("sensor", partial(_sensor, reader)):
        found.pop(sensor.id, None)
        found[sensor.id] = sensor
    if found and not reader.has("mqtt"):
        text = "[sensor]: the section [mqtt] is missing; no sensor is used"
        reader.fail("sensor", Notice(text, *reader.place(reader.named("sensor")[0])))
        return ()
    return tuple(found.values())


def _sensor(reader: ConfigReader, title: str) -> SensorSettings:
    section, name = reader.section(title), title.split(maxsplit=1)[1]
    fields = [
        _history_field(section, option, option.removeprefix(_HISTORY_FIELD))
        for option in reader.prefixed(title, _HISTORY_FIELD)
    ]
    return SensorSettings(
        id=name,
        name=section.text("name", name),
        type=section.custom("type", Required(TYPE), _type),
        state_topic=section.custom("state_topic", Required("shelly/power"), topic),
        state_response_template=section.event_template("state_response_template"),
        qos=section.integer("qos", None, QOS),
        store_size=section.integer("sensor_store_size", 1200, _STORE_SIZE),
        parameters={
            option.removeprefix(_PARAMETER): _facts(section, option)
            for option in reader.prefixed(title, _PARAMETER)
        },
        history_fields=tuple(field for field in fields if field is not None),
    )


def _type(text: str) -> str:
    choice(text, (TYPE,), ignore_case=True)
    return text


def _facts(section: Section, option: str) -> dict[str, str]:
    written = section.mapping(option, {})
    return {key: value or "" for key, value in written.items()}


def _history_field(section: Section, option: str, name: str) -> HistoryFieldSettings | None:
    facts = _facts(section, option)
    if not facts.get("parameter"):
        section.problem(option, "the line parameter=... is missing")
        return None
    for key in sorted(facts.keys() - _FIELD_KEYS):
        known = ", ".join(sorted(_FIELD_KEYS))
        section.warn(option, f"has the line {quoted(key)}, which has no effect (known: {known})")
    try:
        return HistoryFieldSettings(
            name=name,
            parameter=facts["parameter"],
            description=facts.get("desc", f"{facts['parameter']} tracker"),
            strategy=choice(facts.get("strategy", "basic"), STRATEGIES),
            units=facts.get("units"),
            init_tracker=_is_true(facts, "init_tracker"),
            exclude_paused=_is_true(facts, "exclude_paused"),
            report_total=_is_true(facts, "report_total"),
            report_maximum=_is_true(facts, "report_maximum"),
            precision=integer(facts["precision"], _PRECISION) if "precision" in facts else None,
        )
    except ValueError as exc:
        section.problem(option, str(exc))
        return None


def _is_true(facts: Mapping[str, str], key: str) -> bool:
    """Here only the word counts; `yes` is no."""
    return facts.get(key, "").lower() == "true"
