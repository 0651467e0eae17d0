from mrk.machine.machine_protocols import UnitStatus
from mrk.machine.service_states import ServiceStates

UP = UnitStatus("active", "running")
DOWN = UnitStatus("inactive", "dead")


def test_the_first_look_is_no_news() -> None:
    board = ServiceStates()
    assert board.replace({"moonraker": UP, "klipper": DOWN}) == {}
    assert list(board.states) == ["klipper", "moonraker"]


def test_a_later_look_tells_what_differs_and_what_is_new() -> None:
    board = ServiceStates()
    board.replace({"klipper": UP, "sonar": UP, "gone": UP})
    news = board.replace({"klipper": DOWN, "sonar": UP, "crowsnest": DOWN})
    assert news == {"klipper": DOWN, "crowsnest": DOWN}
    assert "gone" not in board.states


def test_one_change_is_news_once_and_only_of_a_known_service() -> None:
    board = ServiceStates()
    board.replace({"klipper": UP})
    assert board.update("klipper", DOWN)
    assert not board.update("klipper", DOWN)
    assert not board.update("nginx", UP)
    assert dict(board.states) == {"klipper": DOWN}


def test_an_empty_first_look_is_a_look() -> None:
    board = ServiceStates()
    board.replace({})
    assert board.replace({"klipper": UP}) == {"klipper": UP}
