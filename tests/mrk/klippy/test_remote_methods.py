import pytest

from mrk.errors import ClientError
from mrk.klippy.remote_methods import BadRemoteCall, RemoteMethods, is_true


def test_keywords_reach_the_method() -> None:
    calls = []
    methods = RemoteMethods()
    methods.register("beep", lambda frequency, duration=1.0: calls.append((frequency, duration)))
    methods.bind("beep", {"frequency": 440})()
    assert calls == [(440, 1.0)]
    assert list(methods) == ["beep"]


@pytest.mark.parametrize("params", [{}, {"frequency": 1, "x": 2}, [1], "a"])
def test_wrong_keywords(params: object) -> None:
    methods = RemoteMethods()
    methods.register("beep", lambda frequency: None)
    with pytest.raises(BadRemoteCall, match="beep"):
        methods.bind("beep", params)


def test_params_may_be_absent() -> None:
    methods = RemoteMethods()
    methods.register("pause_job_queue", lambda: "paused")
    assert methods.bind("pause_job_queue", None)() == "paused"


@pytest.mark.parametrize("name", ["taken", "", "process_status_update", "process_gcode_response"])
def test_names_that_cannot_be_registered(name: str) -> None:
    methods = RemoteMethods()
    methods.register("taken", lambda: None)
    with pytest.raises(ClientError):
        methods.register(name, lambda: None)


def test_a_name_is_free_again_after_its_owner_left() -> None:
    methods = RemoteMethods()
    methods.register("mine", lambda: None)
    methods.unregister("mine")
    with pytest.raises(BadRemoteCall, match="unknown"):
        methods.bind("mine", {})
    methods.register("mine", lambda: None)
    assert "mine" in methods


@pytest.mark.parametrize("value", [True, 1, 1.0, "1", "true", "True", " TRUE ", "yes", "on"])
def test_what_macros_write_for_yes(value):
    assert is_true(value)


@pytest.mark.parametrize("value", [False, 0, 0.0, "0", "false", "False", "", "no", None, [1]])
def test_what_macros_write_for_no(value):
    assert not is_true(value)
