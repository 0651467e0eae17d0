"""The process that sends: Apprise itself against local servers, and processes that misbehave."""

import base64
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from email import message_from_bytes

import pytest
import trio

from nurseries.notifier.sending.messages import CheckUrl, Delivery, Picture, SendMessage
from nurseries.notifier.sending.sender import COMMAND, Sender
from nurseries.process.free_ports import free_port
from tests.fakes.hook_server import hook_server

pytestmark = pytest.mark.e2e

PICTURE = Picture("bed.png", "image/png", b"\x89PNG" + bytes(range(256)))
Open = Callable[..., AbstractAsyncContextManager[Sender]]


@asynccontextmanager
async def open_sender(command=COMMAND, **limits) -> AsyncIterator[Sender]:
    sender = Sender(command, **limits)
    async with trio.open_nursery() as nursery:
        await nursery.start(sender.serve)
        yield sender
        nursery.cancel_scope.cancel()


def script(text: str) -> tuple[str, ...]:
    return sys.executable, "-c", text


async def send(sender: Sender, url: str, body: str = "done", **more) -> Delivery:
    job = SendMessage(sender.next_id(), url, "Printer", body, "text", **more)
    return await sender.perform(job)


async def test_apprise_over_http(tmp_path):
    attached = tmp_path / "note.txt"
    attached.write_text("a note")
    more = {"attached": (str(attached),), "pictures": (PICTURE,)}
    with hook_server() as server:
        async with open_sender() as sender:
            place = f"127.0.0.1:{server.port}"
            assert await send(sender, f"json://{place}/hook", **more) == Delivery(1, ok=True)
            assert (await send(sender, f"form://{place}/form", **more)).ok
            assert (await send(sender, f"ntfy://{place}/room", "first", pictures=(PICTURE,))).ok
            server.status = 500
            refused = await send(sender, f"json://{place}/hook")
        hook, form, ntfy, *_ = server.requests
    posted = json.loads(hook.body)
    assert (hook.path, posted["title"], posted["message"]) == ("/hook", "Printer", "done")
    pictures = {one["filename"]: base64.b64decode(one["base64"]) for one in posted["attachments"]}
    assert pictures == {"bed.png": PICTURE.body, "note.txt": b"a note"}
    assert form.headers["content-type"].startswith("multipart/form-data")
    assert PICTURE.body in form.body
    assert ntfy.path.startswith("/room")
    assert ntfy.body == PICTURE.body
    assert not refused.ok
    assert "500" in refused.reason or "Internal Server Error" in refused.reason


async def test_apprise_by_mail():
    controller_module = pytest.importorskip("aiosmtpd.controller")

    class Handler:
        mails: list[bytes] = []

        async def handle_DATA(self, server, session, envelope):
            self.mails.append(envelope.content)
            return "250 OK"

    port = free_port()
    controller = controller_module.Controller(Handler(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        async with open_sender() as sender:
            url = f"mailto://127.0.0.1:{port}?from=me@example.org&to=you@example.org&mode=insecure"
            outcome = await send(sender, url, "printed ä", pictures=(PICTURE,))
            assert outcome.ok, outcome.reason
    finally:
        controller.stop()
    (mail,) = Handler.mails
    parts = list(message_from_bytes(mail).walk())
    assert message_from_bytes(mail)["Subject"] == "Printer"
    payloads = [part.get_payload(decode=True) for part in parts]
    assert any(payload and "printed ä".encode() in payload for payload in payloads)
    assert PICTURE.body in payloads


async def test_urls_are_checked_without_sending():
    async with open_sender() as sender:
        good = await sender.perform(CheckUrl(sender.next_id(), "json://127.0.0.1:1/x"))
        bad = await sender.perform(CheckUrl(sender.next_id(), "nope://x"))
        away = await send(sender, "json://127.0.0.1:1/x")
    assert (good.ok, good.known) == (True, True)
    assert (bad.ok, bad.known) == (False, False)
    assert (away.ok, away.known) == (False, True)
    assert away.reason


async def test_several_urls_of_which_one_fails():
    with hook_server() as good, hook_server() as bad:
        url = f"json://127.0.0.1:{good.port}/x, json://127.0.0.1:{bad.port}/x"
        async with open_sender() as sender:
            bad.status = 500
            first = await send(sender, url, pictures=(PICTURE,))
            again = await send(sender, url, sent=first.sent)
            bad.status = 200
            last = await send(sender, url, sent=again.sent)
            whole = await send(sender, url)
        assert (first.ok, first.known, first.sent, again.sent) == (False, True, (0,), (0,))
        assert "500" in first.reason or "Internal Server Error" in first.reason
        assert (last.ok, whole.ok) == (True, True)
        assert [len(server.requests) for server in (good, bad)] == [2, 4]
        for server in (good, bad):
            assert json.loads(server.requests[0].body)["attachments"][0]["filename"] == "bed.png"


async def test_several_urls_of_which_one_is_unknown():
    with hook_server() as good:
        url = f"json://127.0.0.1:{good.port}/x nope://x"
        async with open_sender() as sender:
            checked = await sender.perform(CheckUrl(sender.next_id(), url))
            assert (checked.ok, checked.known, checked.lacking) == (False, True, True)
            assert (await send(sender, url)).ok
        assert len(good.requests) == 1


IMPATIENT = """
from nurseries.notifier.sending import process
process.SERVICE_S = 2.0
process.main()
"""


async def test_several_urls_of_which_one_hangs():
    with hook_server() as slow, hook_server() as quick:
        slow.gate.clear()
        url = f"json://127.0.0.1:{slow.port}/x?rto=60 json://127.0.0.1:{quick.port}/x"
        async with open_sender(script(IMPATIENT)) as sender:
            outcome = await send(sender, url)
        assert outcome == Delivery(1, ok=False, reason="it took longer than 2 s", sent=(1,))


async def test_a_service_that_hangs_costs_its_own_message():
    with hook_server() as slow, hook_server() as quick:
        slow.gate.clear()
        # Long enough for a loaded machine to load the library; `rto` is the library's own limit.
        async with open_sender(send_s=5.0) as sender, trio.open_nursery() as nursery:
            outcomes: list[Delivery] = []

            async def hang() -> None:
                url = f"json://127.0.0.1:{slow.port}/x?rto=60"
                outcomes.append(await send(sender, url))

            nursery.start_soon(hang)
            assert (await send(sender, f"json://127.0.0.1:{quick.port}/x")).ok
            assert outcomes == []
            while not outcomes:  # noqa: ASYNC110
                await trio.sleep(0.05)
            assert (outcomes[0].ok, sender.abandoned) == (False, 1)
            assert outcomes[0].reason == "it took longer than 5 s"
            assert (await send(sender, f"json://127.0.0.1:{quick.port}/x")).ok


ECHO = """
import json, os, sys
for line in sys.stdin:
    job = json.loads(line)
    print(json.dumps({"id": job["id"], "ok": True, "reason": str(os.getpid())}), flush=True)
"""


async def test_one_process_while_there_is_work_and_none_without():
    async with open_sender(script(ECHO), idle_s=0.3) as sender:
        pids = {(await send(sender, "x://y")).reason for _ in range(5)}
        assert len(pids) == 1
        with trio.fail_after(10):
            while await trio.Path(f"/proc/{next(iter(pids))}").exists():  # noqa: ASYNC110
                await trio.sleep(0.05)
        assert (await send(sender, "x://y")).reason not in pids


DIES = "import sys; sys.stdin.readline(); sys.exit(3)"
NONSENSE = "import sys; sys.stdin.readline(); print('no'); print('x' * 200000)"


LETTER = """
import sys
sys.stdin.readline()
sys.stdout.buffer.write(b'{"id": 1, "ok": true, "reason": "\\xff"}\\n')
"""


@pytest.mark.parametrize(
    "text", [DIES, NONSENSE, LETTER], ids=["dies", "answers nonsense", "has no UTF-8"]
)
async def test_a_process_that_ends(text):
    async with open_sender(script(text)) as sender:
        for _ in range(2):
            outcome = await send(sender, "x://y")
            assert (outcome.ok, outcome.known) == (False, True)
            assert outcome.reason == "the process that sends ended"


async def test_a_process_that_cannot_be_started():
    async with open_sender(("/nonexistent",)) as sender:
        outcome = await send(sender, "x://y")
        assert "cannot be started" in outcome.reason


async def test_more_than_may_run_at_once_wait():
    async with open_sender(script(ECHO)) as sender, trio.open_nursery() as nursery:
        outcomes: list[Delivery] = []

        async def one() -> None:
            outcomes.append(await send(sender, "x://y"))

        for _ in range(50):
            nursery.start_soon(one)
    assert len(outcomes) == 50
    assert all(outcome.ok for outcome in outcomes)
