"""A disk that stalls takes the threads of its own files, and no clean-up waits for it for ever."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from tests.fakes.transfer_files import TransferHouse
from tests.polling import until
from tests.transports.transfers.http_client import connected, field, file, upload
from transports.transfers.subject_threads import MOST_SUBJECTS, SubjectThreads, run_cleaning

LIMIT_S = 20
CLIENTS = 6


@pytest.fixture
def answers() -> Iterator[threading.Event]:
    """What a stalled disk waits for."""
    event = threading.Event()
    yield event
    event.set()


def stall(monkeypatch: pytest.MonkeyPatch, folder: Path, answers: threading.Event) -> None:
    """From now on whoever opens what is in `folder`, or asks for its space, waits."""
    for name in ("open", "statvfs"):
        real = getattr(os, name)

        def stalled(path: Any, *more: Any, real: Any = real, **options: Any) -> Any:
            if isinstance(path, str | Path) and str(path).startswith(str(folder)):
                assert answers.wait(LIMIT_S)
            return real(path, *more, **options)

        monkeypatch.setattr(os, name, stalled)


async def test_one_root_that_stalls_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: threading.Event
) -> None:
    house = TransferHouse(tmp_path)
    (house.gcodes / "a.gcode").write_text("G28\n")
    (house.gcodes.parent / "config" / "b.cfg").write_text("[b]\n")
    statuses: list[int] = []

    async def ask(request: bytes) -> None:
        async with connected(house) as client:
            statuses.append((await client.ask(request)).status)

    to_gcodes = upload(field("root", "gcodes"), file("c.gcode", b"G28\n"))
    to_config = upload(field("root", "config"), file("c.cfg", b"[c]\n"))
    download = b"GET /server/files/%s HTTP/1.1\r\nHost: a\r\n\r\n"
    with trio.fail_after(LIMIT_S):
        stall(monkeypatch, house.gcodes, answers)
        async with trio.open_nursery() as clients:
            for _ in range(CLIENTS):
                clients.start_soon(ask, to_gcodes)
                clients.start_soon(ask, download % b"gcodes/a.gcode")
            await trio.testing.wait_all_tasks_blocked()
            await ask(to_config)
            await ask(download % b"config/b.cfg")
            assert statuses == [201, 200]
            answers.set()
    assert sorted(statuses) == [200] * (CLIENTS + 1) + [201] * (CLIENTS + 1)


async def test_a_subject_is_forgotten_when_nothing_runs_for_it(answers: threading.Event) -> None:
    threads = SubjectThreads(1)
    async with trio.open_nursery() as nursery:
        for subject in ("a", "a", "b"):
            nursery.start_soon(threads.run, subject, answers.wait)
        await trio.testing.wait_all_tasks_blocked()
        assert set(threads._limiters) == {"a", "b"}
        answers.set()
    assert not threads._limiters


async def test_subjects_that_nobody_has_share_their_threads(answers: threading.Event) -> None:
    """A client chooses the names: they must not bring it as many threads as it has requests."""
    threads = SubjectThreads(2)
    begun: list[threading.Thread] = []

    def work() -> None:
        begun.append(threading.current_thread())
        assert answers.wait(LIMIT_S)

    most = MOST_SUBJECTS + 2
    async with trio.open_nursery() as nursery:
        for number in range(100):
            nursery.start_soon(threads.run, f"root{number}", work)
        await until(lambda: len(begun) == most)
        await trio.testing.wait_all_tasks_blocked()
        assert len(begun) == most
        answers.set()
    assert len(begun) == 100
    assert not threads._limiters


async def test_cleaning_up_has_an_end_on_a_disk_that_stalls(answers: threading.Event) -> None:
    done = threading.Event()

    def remove() -> None:
        assert answers.wait(LIMIT_S)
        done.set()

    with trio.move_on_after(0.05):
        await run_cleaning(remove)
    assert not done.is_set()
    answers.set()
    with trio.fail_after(LIMIT_S):
        assert await trio.to_thread.run_sync(done.wait, LIMIT_S)
