from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.errors import ClientError
from mrk.jobs.events import JobSnapshot
from mrk.jobs.print_stats import PrintStats
from mrk.jobs.queue import QUEUE_LIMIT, Queue, QueuedJob, QueueState

PAUSED, READY, LOADING, STARTING = (
    QueueState.PAUSED,
    QueueState.READY,
    QueueState.LOADING,
    QueueState.STARTING,
)


def job(name: str, **more: Any) -> QueuedJob:
    return QueuedJob(name.upper(), f"{name}.gcode", 1000.0, **more)


def queue(*names: str, **more: Any) -> Queue:
    made = Queue(**more)
    return made.added([job(name) for name in names], reset=False, automatic=False, active=False)


def names(made: Queue) -> list[str]:
    return [entry.filename.removesuffix(".gcode") for entry in made.jobs]


def look(state: str, filename: str = "", klippy_state: str = "ready") -> JobSnapshot:
    return JobSnapshot(PrintStats(state, filename), 100.0, klippy_state)


def test_order_is_kept_and_one_may_jump() -> None:
    made = queue("a", "b", "c", "d").jumped("C").jumped("D").jumped("D")
    assert names(made) == ["d", "c", "a", "b"]
    assert [j.position for j in made.jobs] == sorted({j.position for j in made.jobs})
    with pytest.raises(ClientError):
        made.jumped("X")


def test_places_in_the_queue() -> None:
    made = queue("a", "b").added([job("c")], reset=False, automatic=False, active=False)
    assert [entry.position for entry in made.jobs] == [0, 1, 2]
    assert made.jumped("A") is made
    assert [entry.position for entry in made.jumped("C").jobs] == [-1, 0, 1]


@pytest.mark.parametrize("state", [LOADING, STARTING])
def test_additions_do_not_end_a_load(state: QueueState) -> None:
    made = queue("a", state=state)
    assert made.added([job("b")], reset=False, automatic=True, active=True).state is state


@pytest.mark.parametrize(
    ("state", "failed"), [(LOADING, PAUSED), (STARTING, PAUSED), (READY, READY), (PAUSED, PAUSED)]
)
def test_a_load_that_failed(state: QueueState, failed: QueueState) -> None:
    assert queue("a", state=state).load_failed().state is failed


def test_a_load_that_begins() -> None:
    assert queue("a", state=LOADING).starting(PrintStats()).state is STARTING
    for other in (queue("a"), queue("a", state=READY), queue(state=LOADING)):
        assert other.starting(PrintStats()) is other
    assert queue(state=LOADING).emptied(automatic=True).state is READY
    assert queue(state=LOADING).emptied(automatic=False).state is PAUSED


def test_reset_and_limit() -> None:
    full = queue(*map(str, range(QUEUE_LIMIT)))
    assert len(full.jobs) == QUEUE_LIMIT
    with pytest.raises(ClientError):
        full.added([job("x")], reset=False, automatic=False, active=False)
    assert names(full.added([job("x")], reset=True, automatic=False, active=False)) == ["x"]


@pytest.mark.parametrize("automatic", [True, False])
@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("held", [True, False])
def test_additions_make_ready_only_while_printing(
    automatic: bool, active: bool, held: bool
) -> None:
    made = Queue(held=held).added([job("a")], reset=False, automatic=automatic, active=active)
    assert (made.state is READY) == (automatic and active and not held)


@pytest.mark.parametrize(
    ("made", "free", "automatic", "state"),
    [
        (queue("a"), True, False, LOADING),
        (queue("a"), False, False, PAUSED),
        (queue("a"), False, True, READY),
        (queue(), True, True, PAUSED),
        (queue(state=READY), True, True, PAUSED),
        (queue("a", state=STARTING), True, True, STARTING),
        (queue("a", state=LOADING), False, True, LOADING),
    ],
)
def test_start(made: Queue, free: bool, automatic: bool, state: QueueState) -> None:
    started = made.paused().started(free=free, away=False, automatic=automatic)
    if made.state is PAUSED:
        assert started.state is state
        assert not started.held
    assert made.started(free=free, away=False, automatic=automatic).state is state


@pytest.mark.parametrize(("automatic", "state"), [(True, READY), (False, PAUSED)])
def test_copies_are_loaded_one_by_one(automatic: bool, state: QueueState) -> None:
    made = Queue().added([job("a", copies=2)], reset=False, automatic=automatic, active=False)
    made = made.started(free=True, away=False, automatic=automatic)
    made = made.starting(PrintStats()).loaded("A", automatic)
    assert (made.jobs[0].copies, made.state) == (1, state)
    made = made.started(free=True, away=False, automatic=automatic)
    made = made.starting(PrintStats()).loaded("A", automatic)
    assert (made.jobs, made.state) == ((), PAUSED)


def test_the_printer_decides_how_it_goes_on() -> None:
    ready = queue("a", state=READY).on_started("x.gcode")
    assert ready.on_completed().state is LOADING
    assert ready.on_aborted().state is PAUSED
    assert not ready.on_aborted().held
    assert ready.on_shutdown().held
    empty = queue(state=READY, printing="x.gcode")
    assert (empty.on_shutdown().state, empty.on_shutdown().held) == (PAUSED, False)
    assert ready.printing == "x.gcode"
    ends = ready.on_completed(), ready.on_aborted(), ready.on_shutdown(), empty.on_shutdown()
    assert [over.printing for over in ends] == [None] * 4
    assert queue(state=READY).on_completed().state is READY
    assert queue("a").on_completed().state is PAUSED


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (look("printing", "x.gcode"), READY),
        (look("paused", "x.gcode"), READY),
        (look("complete", "x.gcode"), LOADING),
        (look("complete", "y.gcode"), PAUSED),
        (look("cancelled", "x.gcode"), PAUSED),
        (look("standby"), PAUSED),
        (look("printing", "x.gcode", "shutdown"), PAUSED),
    ],
)
def test_a_print_that_was_not_watched(seen: JobSnapshot, state: QueueState) -> None:
    ready = queue("a", state=READY, printing="x.gcode").restored(automatic=True)
    assert ready.on_seen(seen, automatic=True).state is state


@pytest.mark.parametrize(
    ("seen", "left", "state"),
    [
        (look("printing", "a.gcode"), ["b"], READY),
        (look("printing", "b.gcode"), ["a", "b"], PAUSED),
        (look("complete", "a.gcode"), ["a", "b"], PAUSED),
        (look("standby"), ["a", "b"], PAUSED),
        (look("standby", "", "startup"), ["a", "b"], STARTING),
        (None, ["a", "b"], STARTING),
    ],
)
def test_a_job_that_was_handed_over_when_mrk_died(
    seen: JobSnapshot | None, left: list[str], state: QueueState
) -> None:
    made = queue("a", "b", state=STARTING).restored(automatic=True).settled(seen, automatic=True)
    assert (names(made), made.state) == (left, state)


def test_restored_never_goes_on_loading() -> None:
    assert queue("a", state=LOADING).restored(automatic=True).state is PAUSED
    assert queue("a", state=READY).restored(automatic=False).state is PAUSED
    assert queue("a", state=READY).restored(automatic=True).state is READY


def test_nothing_starts_at_power_on_unless_confirmed_or_automatic() -> None:
    made = queue("a")
    assert made.on_ready(automatic=False).state is PAUSED
    assert made.on_ready(automatic=True).state is LOADING
    assert made.paused().on_ready(automatic=True).state is PAUSED
    confirmed = made.started(free=False, away=True, automatic=False)
    assert confirmed.state is PAUSED
    assert confirmed.on_ready(automatic=False).state is LOADING
    assert confirmed.on_started("b").on_completed().on_ready(automatic=False).state is PAUSED
    assert confirmed.paused().on_ready(automatic=False).state is PAUSED
    refused = confirmed.paused().started(free=True, away=False, automatic=False).load_failed()
    assert refused.on_ready(automatic=False).state is PAUSED
    # A bed with a print that was lost is not free, whatever the settings.
    lost = queue("a", state=READY, printing="x").on_seen(look("standby"), automatic=True)
    assert lost.on_ready(automatic=True).state is PAUSED


def test_an_empty_queue_loads_nothing_when_the_printer_is_ready() -> None:
    assert queue().on_ready(automatic=True).state is PAUSED
    for state in (LOADING, STARTING):
        assert queue("a", state=state).on_ready(automatic=True).state is state
    assert queue(state=READY).on_aborted().state is READY


@pytest.mark.parametrize("klippy_state", ["shutdown", "error"])
def test_a_printer_that_is_not_ready(klippy_state: str) -> None:
    seen = look("standby", "", klippy_state)
    printed = queue("a", state=READY, printing="x").on_seen(seen, automatic=True)
    assert (printed.state, printed.held, printed.printing) == (PAUSED, True, None)
    # One that starts up shows no print either.
    vague = queue("a", state=READY, printing="x")
    assert vague.on_seen(look("standby", "", "startup"), automatic=True) is vague
    idle = queue("a", state=READY)
    assert idle.on_seen(seen, automatic=True) is idle
    assert idle.on_seen(look("standby"), automatic=True) is idle


def test_whether_a_job_that_was_handed_over_is_printed() -> None:
    """The answer to its start was lost with the link; the queue went on meanwhile."""
    made = queue("a", "b", state=READY)
    taken = made.settled(look("printing", "b.gcode"), automatic=False, handed="B")
    assert (names(taken), taken.state, taken.printing) == (["a"], READY, "b.gcode")
    ended = made.settled(look("complete", "b.gcode"), automatic=False, handed="B", missed=True)
    assert names(ended) == ["a"]
    # Not handed over: somebody else prints it.
    assert made.settled(look("printing", "a.gcode"), automatic=False) is made
    assert queue(state=STARTING).settled(look("standby"), automatic=False).state is PAUSED
    other = queue("a", "b", state=STARTING)
    assert names(other.settled(look("printing", "b.gcode"), automatic=True, handed="B")) == ["a"]
    assert names(queue("a", state=PAUSED).loaded("A", automatic=True)) == []
    assert queue("a", "b", state=PAUSED).loaded("A", automatic=True).state is PAUSED


def test_files_that_go_or_move() -> None:
    made = Queue().added(
        [QueuedJob(str(n), name, 0.0) for n, name in enumerate(["a.g", "d/a.g", "dd/a.g"])],
        reset=False,
        automatic=False,
        active=False,
    )
    assert [j.filename for j in made.file_moved("d", "e/f").jobs] == ["a.g", "e/f/a.g", "dd/a.g"]
    assert [j.filename for j in made.file_moved("a.g", "b.g").jobs] == ["b.g", "d/a.g", "dd/a.g"]
    assert [j.filename for j in made.file_removed("d").jobs] == ["a.g", "dd/a.g"]


RULES = {
    "start": lambda q: q.started(free=True, away=False, automatic=False),
    "busy": lambda q: q.started(free=False, away=False, automatic=False),
    "pause": lambda q: q.paused(),
    "began": lambda q: q.on_started("x"),
    "done": lambda q: q.on_completed(),
    "aborted": lambda q: q.on_aborted(),
    "shutdown": lambda q: q.on_shutdown(),
    "restored": lambda q: q.restored(automatic=False),
    "seen idle": lambda q: q.on_seen(look("standby"), automatic=False),
    "seen done": lambda q: q.on_seen(look("complete", "x"), automatic=False),
    "ready": lambda q: q.on_ready(automatic=False),
    "failed": lambda q: q.load_failed(),
    "load": lambda q: q.starting(PrintStats()) if q.state is LOADING else q,
    "loaded": lambda q: q.loaded(q.jobs[0].job_id, automatic=False) if q.jobs else q,
    "add": lambda q: q.added([job("n")], reset=False, automatic=False, active=True),
}


@given(st.lists(st.sampled_from(sorted(RULES)), max_size=20))
def test_without_automatic_transition_only_a_start_begins_a_load(orders: list[str]) -> None:
    made = queue("a", "b", "c")
    for order in orders:
        after = RULES[order](made)
        if after.state is LOADING and made.state is not LOADING:
            assert order == "start"
        assert after.state is not READY
        made = after


@pytest.mark.parametrize(
    ("before", "seen", "left"),
    [
        (PrintStats("complete", "a.gcode", 5.0), ("complete", "a.gcode", 5.0), ["a", "b"]),
        (PrintStats("complete", "a.gcode", 5.0), ("complete", "a.gcode", 6.0), ["b"]),
        (PrintStats("complete", "b.gcode", 5.0), ("cancelled", "a.gcode", 5.0), ["b"]),
        (PrintStats(), ("error", "a.gcode", 1.0), ["b"]),
        (PrintStats(), ("complete", "c.gcode", 1.0), ["a", "b"]),
        (PrintStats(), ("standby", "", 0.0), ["a", "b"]),
    ],
)
def test_a_job_that_was_over_before_mrk_came_back_is_told_by_what_was_before(
    before: PrintStats, seen: tuple[str, str, float], left: list[str]
) -> None:
    made = queue("a", "b", state=LOADING).starting(before).restored(automatic=False)
    settled = made.settled(JobSnapshot(PrintStats(*seen), 100.0), automatic=False)
    assert (names(settled), settled.state) == (left, PAUSED)
