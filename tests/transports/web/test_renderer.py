"""The renderer against programs that stand in for the process; real clock, real processes."""

import sys

import pytest
import trio

from mrk.access.decision import Decision
from mrk.access.reasons import Reason
from mrk.errors import ClientError
from mrk.web.page_messages import PageFacts, PageRequest, view_of
from transports.web.renderer import PageRenderer

pytestmark = pytest.mark.e2e

VIEW = view_of(
    PageFacts("v1", "ready", warnings=("<b>careful</b>",)),
    Decision(True, Reason.TRUSTED_ADDRESS),
    "127.0.0.1",
    prefix="",
    static="/mrk/static/1",
)
REQUEST = PageRequest("/mrk/", VIEW)
ANSWERS = """
import sys
for n, line in enumerate(sys.stdin):
    print('{"status":200,"headers":[],"body":"%s"}' % ("MQ==", "Mg==", "Mw==")[n], flush=True)
"""
ANSWERS_ONCE = ANSWERS + "    break\n"
DIES = "raise SystemExit(3)"
BABBLES = "print('babble', flush=True); import sys; sys.stdin.read()"
SLEEPS = "import time; time.sleep(60)"


def program(text: str) -> list[str]:
    return [sys.executable, "-S", "-c", text]


async def test_pages_share_a_process_that_ends_when_idle() -> None:
    renderer = PageRenderer(program(ANSWERS), idle_s=0.3)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(renderer.serve)
            assert [(await renderer.render(REQUEST)).body for _ in range(2)] == [b"1", b"2"]
            # Idle for longer than the process waits.
            await trio.sleep(0.6)
            assert (await renderer.render(REQUEST)).body == b"1"
            nursery.cancel_scope.cancel()


async def test_a_process_that_ended_between_two_pages_is_replaced() -> None:
    renderer = PageRenderer(program(ANSWERS_ONCE))
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(renderer.serve)
            assert [(await renderer.render(REQUEST)).body for _ in range(3)] == [b"1"] * 3
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("text", "why"), [(DIES, "failed"), (BABBLES, "failed"), (SLEEPS, "longer than 0.5 s")]
)
async def test_what_goes_wrong_is_a_503_and_does_not_last(text: str, why: str) -> None:
    renderer = PageRenderer(program(text), answer_s=0.5)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(renderer.serve)
            for _ in range(2):
                with pytest.raises(ClientError, match=why) as refused:
                    await renderer.render(REQUEST)
                assert refused.value.status == 503
            nursery.cancel_scope.cancel()


async def test_a_program_that_is_not_there() -> None:
    renderer = PageRenderer(["/nowhere/python"])
    async with trio.open_nursery() as nursery:
        await nursery.start(renderer.serve)
        with pytest.raises(ClientError, match="does not start"):
            await renderer.render(REQUEST)
        nursery.cancel_scope.cancel()


async def test_the_real_process() -> None:
    renderer = PageRenderer()
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            await nursery.start(renderer.serve)
            page = await renderer.render(REQUEST)
            nursery.cancel_scope.cancel()
    assert page.status == 200
    assert b"&lt;b&gt;careful" in page.body
