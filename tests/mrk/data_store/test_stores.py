import pytest

from mrk.data_store.stores import GcodeStore, TemperatureStore


def filled(size: int = 5) -> GcodeStore:
    store = GcodeStore(size)
    for number in range(5):
        store.add(f"line {number}", float(number), "response")
    return store


@pytest.mark.parametrize(
    ("count", "numbers"),
    [(0, [0, 1, 2, 3, 4]), (2, [3, 4]), (9, [0, 1, 2, 3, 4]), (-2, [2, 3, 4]), (-9, [])],
)
def test_count_of_entries(count: int, numbers: list[int]) -> None:
    assert [entry.time for entry in filled().newest(count)] == numbers


def test_the_oldest_entries_make_room() -> None:
    assert [entry.message for entry in filled(2).newest()] == ["line 3", "line 4"]
    assert filled(0).newest() == []


def test_blank_commands_are_not_recorded_but_blank_responses_are() -> None:
    store = GcodeStore(5)
    store.add(" \n", 1.0, "command")
    store.add("", 2.0, "response")
    store.add("G28\nG1 X5", 3.0, "command")
    assert [entry.message for entry in store.newest()] == ["", "G28\nG1 X5"]


def test_a_series_starts_with_one_real_sample() -> None:
    store = TemperatureStore(3)
    assert store.series() == {}
    status = {"extruder": {"temperature": 21.456, "target": 0, "power": 0.333, "can_extrude": 1}}
    store.configure(["extruder", "silent"], [], status)
    store.sample(status)
    assert store.series() == {
        "extruder": {"temperatures": [21.46], "targets": [0], "powers": [0.33]}
    }


def test_the_last_value_is_repeated_while_the_printer_is_away() -> None:
    store = TemperatureStore(3)
    store.configure(["fan"], [], {"fan": {"temperature": 30.0, "speed": 0.5}})
    statuses: list[dict[str, dict[str, float | None]]]
    statuses = [{"fan": {"temperature": 31.0}}, {"fan": {}}, {}, {"fan": {"temperature": None}}]
    for status in statuses:
        store.sample(status)
    assert store.series() == {"fan": {"temperatures": [31.0, 31.0, 31.0], "speeds": [0.5] * 3}}


def test_series_continue_after_a_restart_of_the_printer() -> None:
    store = TemperatureStore(10)
    status = {"a": {"temperature": 1.0}, "b": {"temperature": 2.0}}
    store.configure(["a", "b"], [], status)
    store.sample(status)
    store.configure(["a"], [], {"a": {"temperature": 5.0, "target": 7.0}})
    store.sample({})
    assert store.series() == {"a": {"temperatures": [1.0, 5.0], "targets": [7.0]}}


def test_only_monitors_contain_null_and_are_hidden_unless_asked_for() -> None:
    store = TemperatureStore(10)
    store.configure(["a"], ["m"], {"a": {"temperature": None}, "m": {"temperature": None}})
    store.sample({"a": {"temperature": None}, "m": {"temperature": 4.0}})
    store.sample({"m": {"temperature": None}})
    assert store.series() == {"a": {"temperatures": [0.0, 0.0]}}
    assert store.series(include_monitors=True)["m"] == {"temperatures": [4.0, None]}


def test_a_printer_without_sensors() -> None:
    store = TemperatureStore(10)
    store.configure([], [], {})
    store.sample({})
    assert store.series() == {}
