import msgspec
import pytest

from mrk.jobs.print_stats import JobEvent, PrintStats
from mrk.simplyprint.ambient import COLD_S, AmbientGuess
from mrk.simplyprint.demands import (
    LINE_LENGTH,
    MOST_LINES,
    PICTURE_ENDPOINT,
    BadDemand,
    Call,
    FetchFile,
    RunGcode,
    SendPicture,
    SwitchPower,
    Terminal,
    read_demand,
)
from mrk.simplyprint.file_names import NAME_BYTES, copy_name, download_name
from mrk.simplyprint.identity import WORD_LENGTH, CloudIdentity, address, read_identity, word
from mrk.simplyprint.job_events import MOST_EVENTS, JobEvents, job_event
from mrk.simplyprint.layers import current_layer
from mrk.simplyprint.messages import CloudMessage, encode_message, read_message
from mrk.simplyprint.printer_state import JobWish


def test_messages():
    assert read_message('{"type":"pong"}') == CloudMessage("pong")
    assert read_message(b'{"type":"x","data":{"a":1},"for":5}') == CloudMessage("x", {"a": 1})
    assert read_message('{"type":"x","data":[1]}') == CloudMessage("x")
    for nonsense in ("", "{", "[]", '{"type":null}', b"\xff", "[" * 10_000):
        assert read_message(nonsense) is None
    assert encode_message("ping") == '{"type":"ping"}'
    assert encode_message("ambient", {"new": 2}) == '{"type":"ambient","data":{"new":2}}'


def test_who_it_is():
    assert read_identity({}) == CloudIdentity()
    known = {
        "printer_token": "t", "printer_id": 12, "printer_name": "V", "announcement_id": None,
        "temp_short_setup_id": 0, "ambient_temp": 20,
    }  # fmt: skip
    identity = read_identity(known)
    assert identity == CloudIdentity(token="t", printer_id="12", name="V")
    assert identity.is_set_up
    assert read_identity(identity.records()) == identity
    values = [5, "x", 0, -1, True, None, "", "a\n", "x" * (WORD_LENGTH + 1), [], 1.5]
    assert [word(value) for value in values] == ["5", "x", *[None] * 9]


def test_addresses():
    assert address(CloudIdentity(), None, "s") == "s/0/0"
    assert address(CloudIdentity(printer_id="9"), None, "s") == "s/0/0"
    assert address(CloudIdentity(token="a/b"), None, "s") == "s/0/a%2Fb"
    assert address(CloudIdentity(token="a", printer_id="9"), "r", "s") == "s/9/a/r"


@pytest.mark.parametrize(
    ("data", "demand"),
    [
        ({"demand": "pause"}, Call("printer.print.pause", JobWish.PAUSING)),
        ({"demand": "system_restart"}, Call("machine.reboot")),
        ({"demand": "psu_off"}, SwitchPower(on=False)),
        ({"demand": "terminal", "enabled": 1}, Terminal(True)),
        ({"demand": "terminal", "enabled": "yes"}, Terminal(False)),
        ({"demand": "gcode", "list": ["G28", " "], "identifier": 4}, RunGcode(["G28"], "4")),
        ({"demand": "gcode", "list": "G28"}, RunGcode(["G28"])),
        ({"demand": "webcam_snapshot"}, SendPicture()),
        (
            {"demand": "webcam_snapshot", "id": "a", "endpoint": "https://x/y", "timer": 500},
            SendPicture("a", "https://x/y", 0.5),
        ),
        ({"demand": "webcam_snapshot", "id": 5}, SendPicture("5", PICTURE_ENDPOINT)),
        ({"demand": "webcam_snapshot", "timer": 1e12}, SendPicture(after_s=60.0)),
        (
            {"demand": "file", "url": "https://x/a.gcode", "auto_start": 1, "job_id": 7,
             "file_name": "b.gcode", "file_size": 10},
            FetchFile("https://x/a.gcode", True, "7", "b.gcode", 10),
        ),
    ],
)  # fmt: skip
def test_demands(data, demand):
    assert read_demand(data) == demand


@pytest.mark.parametrize(
    "data",
    [
        {}, {"demand": 5}, {"demand": "strange"}, {"demand": "gcode"},
        {"demand": "gcode", "list": [5]}, {"demand": "gcode", "list": ["G28"] * (MOST_LINES + 1)},
        {"demand": "gcode", "list": ["x" * (LINE_LENGTH + 1)]},
        {"demand": "file"}, {"demand": "file", "url": "http://x/a.gcode"},
        {"demand": "file", "url": "file:///etc/passwd"}, {"demand": "file", "url": "https://"},
        {"demand": "file", "url": "https://x:y/"}, {"demand": "file", "url": "https://x/\n"},
        {"demand": "webcam_snapshot", "endpoint": "http://x"},
    ],
)  # fmt: skip
def test_demands_that_are_not_understood(data):
    assert isinstance(read_demand(data), BadDemand)


def test_an_unencrypted_cloud_may_send_unencrypted_files():
    data = {"demand": "file", "url": "http://x/a.gcode"}
    assert read_demand(data, plain_http=True) == FetchFile("http://x/a.gcode")


@pytest.mark.parametrize(
    ("url", "wanted", "name"),
    [
        ("https://x/a%20b.gcode?y=1", None, "a b.gcode"),
        ("https://x/a.gcode", "c d.GCO", "c d.GCO"),
        ("https://x/a.gcode", "../../etc/passwd", "passwd.gcode"),
        ("https://x/a.gcode", "..\\x\x00y.ufp", "xy.ufp"),
        ("https://x/", None, "simplyprint.gcode"),
        ("https://x/", ".gcode", "gcode.gcode"),
        ("https://x/", "...", "simplyprint.gcode"),
        ("https://x/v1.2", None, "v1.2.gcode"),
        ("https://x/", "ü" * 200 + ".gcode", "ü" * (NAME_BYTES // 2) + ".gcode"),
    ],
)
def test_names_of_files(url, wanted, name):
    assert download_name(url, wanted) == name


def test_names_of_copies():
    assert copy_name("a.b.gcode", 3) == "a.b_copy_3.gcode"


def test_events_of_jobs():
    before = PrintStats("printing", "sub/a.gcode")
    after = msgspec.structs.replace(before, message="MCU lost")

    def told(event: JobEvent) -> object:
        return job_event(event, before, after, {"estimated_time": 99.6})

    assert [told(event) for event in JobEvent] == [
        {"cancelled": True},
        {"started": True, "filename": "a.gcode", "time": 100},
        {"paused": True},
        None,
        {"finished": True},
        {"cancelled": True},
        {"failed": True, "error": "MCU lost"},
    ]
    assert job_event(JobEvent.STANDBY, PrintStats("complete", "a"), after, None) is None
    assert job_event(JobEvent.STARTED, before, after, None) == {
        "started": True, "filename": "a.gcode",
    }  # fmt: skip


def test_events_wait_with_their_age():
    events = JobEvents()
    for number in range(MOST_EVENTS + 2):
        events.put({"n": number}, float(number))
    taken = events.take(11.5)
    assert [one["n"] for one in taken] == list(range(2, 12))
    assert (taken[0]["delay"], "delay" in taken[-1]) == (10, False)
    assert events.take(12.0) == []


def test_layers():
    record = {"layer_height": 0.2, "first_layer_height": 0.3, "layer_count": 10}
    assert current_layer({"current_layer": 4}, 9.0, record) == 4
    heights = (0.0, 0.3, 0.5, 0.7, 99.0)
    assert [current_layer({}, z, record) for z in heights] == [1, 1, 2, 3, 10]
    assert current_layer({"current_layer": None}, None, record) is None
    assert current_layer({}, 1.0, None) is None
    assert current_layer({}, 1.0, {"layer_height": 0}) is None


def test_the_room_is_guessed_from_a_cold_nozzle():
    guess = AmbientGuess()
    assert guess.feed(21.0, 0.0, 0.0) is None
    assert guess.feed(21.4, 0.0, COLD_S - 1) is None
    assert guess.feed(21.4, 0.0, COLD_S) == 21.4
    assert guess.feed(180.0, 200.0, COLD_S + 1) == 21.4
    assert guess.feed(50.0, 0.0, COLD_S + 2) == 21.4  # it cools
    assert guess.feed(30.0, 0.0, 2 * COLD_S + 1) == 21.4
    assert guess.feed(30.2, 0.0, 2 * COLD_S + 62) == 30.2
    assert guess.feed(None, 0.0, 3 * COLD_S) == 30.2
    assert AmbientGuess(19.0).feed(None, 0.0, 0.0) == 19.0
