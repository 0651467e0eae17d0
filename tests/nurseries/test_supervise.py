import math

import pytest
import trio

from mrk.api.caller import INTERNAL_CALLER
from mrk.api.endpoint import Access, Endpoint, NoParams
from mrk.errors import ClientError, Transient
from mrk.supervision import Backoff, Supervision, SupervisionState
from nurseries.supervise import guarded, supervise


class Script:
    """A service that ends as told, once a run, and notes when it began."""

    def __init__(self, *ends: Exception | float | None) -> None:
        self.ends = list(ends)
        self.began: list[float] = []

    async def __call__(self) -> None:
        self.began.append(trio.current_time())
        end = self.ends.pop(0) if self.ends else math.inf
        if isinstance(end, Exception):
            raise end
        await trio.sleep(end or 0)

    def gaps(self) -> list[float]:
        return [round(b - a, 3) for a, b in zip(self.began, self.began[1:], strict=False)]


async def run_for(seconds: float, part: Supervision, script: Script) -> None:
    with trio.move_on_after(seconds):
        await supervise(part, script)


async def test_absences_are_retried_with_growing_delay(autojump_clock: object) -> None:
    script = Script(*[Transient("away")] * 6)
    part = Supervision("mqtt", backoff=Backoff(first_s=1, limit_s=4))
    await run_for(100, part, script)
    assert script.gaps() == [1, 2, 4, 4, 4, 4]
    assert part.restarts == 6
    assert part.state is SupervisionState.RUNNING
    assert part.last_error == "away"


async def test_who_asked_for_a_pause_gets_it(autojump_clock: object) -> None:
    class Busy(Transient):
        retry_after_s = 3.0

    script = Script(Busy("busy"), Transient("away"), Busy("busy"), Busy("busy"))
    await run_for(100, Supervision("cloud", backoff=Backoff(first_s=1, limit_s=4)), script)
    assert script.gaps() == [3, 2, 4, 4]


async def test_a_healthy_run_resets_the_delay(autojump_clock: object) -> None:
    class LongThenAway(Script):
        async def __call__(self) -> None:
            self.began.append(trio.current_time())
            await trio.sleep(20 if len(self.began) == 3 else 0)
            raise Transient("away")

    script = LongThenAway()
    backoff = Backoff(first_s=1, limit_s=60, healthy_after_s=10)
    await run_for(35, Supervision("mqtt", backoff=backoff), script)
    assert script.gaps()[:4] == [1, 2, 21, 2]


async def test_a_bug_in_an_essential_part_escapes() -> None:
    part = Supervision("link", essential=True)
    with pytest.RaisesGroup(ValueError):
        await supervise(part, Script(ValueError("bug")))
    assert part.state is SupervisionState.FAILED


async def test_an_optional_part_is_given_up_after_five_crashes(
    autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    script = Script(*[ValueError("bug")] * 9)
    part = Supervision("sensor")
    await supervise(part, script)
    assert len(script.began) == 5
    assert part.state is SupervisionState.FAILED
    assert part.last_error == "bug"
    assert "given up" in caplog.text


async def test_crashes_far_apart_are_forgiven(autojump_clock: object) -> None:
    class Crashing(Script):
        async def __call__(self) -> None:
            self.began.append(trio.current_time())
            await trio.sleep(100)
            raise ValueError("bug")

    script = Crashing()
    await run_for(3000, Supervision("sensor"), script)
    assert len(script.began) > 20


async def test_cancellation_passes_at_once(autojump_clock: object) -> None:
    part = Supervision("sensor")
    await run_for(5, part, Script())
    assert trio.current_time() - part.restarts >= 5
    assert part.restarts == 0


async def test_endpoints_of_a_crashed_part_answer_503() -> None:
    part = Supervision("sensor")
    (endpoint,) = guarded(
        part, [Endpoint("/x", ("GET",), NoParams, lambda _p, _c: "ok", "", access=Access.ADMIN)]
    )
    part.enter(SupervisionState.RUNNING, 1.0)
    assert endpoint.handler(NoParams(), INTERNAL_CALLER) == "ok"
    part.crashed = True
    part.enter(SupervisionState.WAITING, 2.0, "bug")
    with pytest.raises(ClientError, match="sensor is down: bug") as caught:
        endpoint.handler(NoParams(), INTERNAL_CALLER)
    assert caught.value.status == 503
    part.enter(SupervisionState.RUNNING, 1.0)
    assert endpoint.handler(NoParams(), INTERNAL_CALLER) == "ok"
