"""Add-ons: the example of the page runs, and what one does wrong costs it alone."""

import re
from pathlib import Path

import pytest
import trio

from nurseries.client.rpc_client import CallFailed
from nurseries.root import add_on as add_on_module
from nurseries.testing.memory import MemoryDaemon, open_memory_daemon
from tests.fakes.add_on_package import AddOnFolder, configured

PAGE = (Path(__file__).parents[3] / "docs" / "add-ons.md").read_text()
HEAD = """\
import time
import trio
from mrk.api.endpoint import Access, get
from mrk.subsystem import Service


def read(section, named):
    return section.integer("size", 1)


def build(settings, needs, additions):
    additions.add("bad_one", BadOne(needs))


class BadOne:
    def __init__(self, needs):
        self.needs = needs

    def endpoints(self):
        return [get("/server/bad_one/now", self.now, "Now.", Access.VIEW)]

    def now(self, params, caller):
        return {"now": 1}

    async def serve(self, *, task_status=trio.TASK_STATUS_IGNORED):
        task_status.started()
        await trio.sleep_forever()
"""


@pytest.fixture
def packages(tmp_path, monkeypatch):
    return AddOnFolder(tmp_path / "site", monkeypatch)


@pytest.fixture
def short_limits(monkeypatch):
    monkeypatch.setattr(add_on_module, "BUILD_S", 0.2)
    monkeypatch.setattr("nurseries.root.add_ons.STEP_S", 0.2)


async def info_of(daemon: MemoryDaemon) -> dict:
    async with daemon.connect() as client:
        return await client.call("server.info")


async def failure(tmp_path, sections="[bad_one]\n") -> str:
    """What is said of `bad_one`, which has failed while all else runs."""
    async with open_memory_daemon(config_file=configured(tmp_path, sections)) as daemon:
        with trio.fail_after(30):
            info = await info_of(daemon)
            while "bad_one" not in info["failed_components"]:
                await trio.sleep(0.02)
                info = await info_of(daemon)
        assert info["klippy_state"] == "ready"
        (said,) = [text for text in info["warnings"] if "bad_one" in text]
        return said


def example() -> str:
    (found,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    return found


def test_the_example_is_short():
    assert len(example().splitlines()) <= 42


async def test_the_example_of_the_page_runs(packages, tmp_path, autojump_clock):
    points = re.search(r'"mrk.components"\]\n(.*?)\n\n', PAGE, re.DOTALL)
    packages.install("nozzle_hours", example(), points.group(1).replace('"', ""))
    file = configured(tmp_path, "[nozzle_hours]\nlife_hours: 0.001\n")
    async with open_memory_daemon(config_file=file) as daemon, daemon.connect() as client:
        info = await client.call("server.info")
        assert "nozzle_hours" in info["components"]
        assert info["failed_components"] == []
        assert info["warnings"] == []
        config = await client.call("server.config")
        assert config["config"]["nozzle_hours"] == {"life_hours": 0.001}
        assert (await client.call("server.nozzle_hours.status")) == {"hours": 0, "worn": False}
        await client.call("printer.print.start", filename="calibration_cube.gcode")
        while (await client.wait_for("notify_history_changed"))[0]["action"] != "finished":
            pass
        await trio.sleep(1)
        assert (await client.call("server.nozzle_hours.status"))["worn"]


async def test_an_installed_one_without_its_section_is_not_imported(packages, tmp_path):
    packages.install("bad_one", "raise RuntimeError('imported')\n")
    async with open_memory_daemon(config_file=configured(tmp_path, "")) as daemon:
        assert (await info_of(daemon))["failed_components"] == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_library\n", "no_such_library cannot be used"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("import sys\nsys.exit(3)\n", "wanted to end the daemon"),
        ("def read(section, named):\n    return 1 / 0\n", "ZeroDivisionError"),
        (HEAD.replace("additions.add", "1 / 0; additions.add"), "ZeroDivisionError"),
        (HEAD.replace('add("bad_one"', 'add("database"'), "no service of its own name"),
        (
            HEAD.replace("BadOne(needs))", "BadOne(needs)); additions.metrics.append(list)"),
            "metrics",
        ),
        (HEAD.replace("/bad_one/now", "/files/list"), "not below /server/bad_one"),
        (HEAD.replace("self.now, ", "self.now, 1, "), "TypeError"),
        ("x = 1\n", "AttributeError"),
        ("def read(:\n", "SyntaxError"),
    ],
)
async def test_one_that_cannot_be_built_fails_alone(packages, tmp_path, source, said):
    packages.install("bad_one", source)
    assert said in await failure(tmp_path)


async def test_an_endpoint_that_is_there_is_refused(packages, tmp_path):
    twice = HEAD.replace("Access.VIEW)]", "Access.VIEW)] * 2")
    packages.install("bad_one", twice)
    assert "declared twice" in await failure(tmp_path)


async def test_a_bad_value_fails_it_with_the_place(packages, tmp_path):
    packages.install("bad_one", HEAD)
    said = await failure(tmp_path, "[bad_one]\nsize: many\n")
    assert '[bad_one] size: "many" is not an integer' in said


async def test_an_option_that_it_does_not_read_is_told(packages, tmp_path):
    packages.install("bad_one", HEAD)
    file = configured(tmp_path, "[bad_one]\nsiez: 1\n")
    async with open_memory_daemon(config_file=file) as daemon:
        info = await info_of(daemon)
        assert "bad_one" in info["components"]
        (said,) = info["warnings"]
        assert "'siez' is not known" in said


async def test_two_that_offer_one_section_are_both_refused(packages, tmp_path):
    packages.install("bad_one", HEAD)
    packages.install("other", HEAD, "bad_one = other", "mrk-other")
    said = await failure(tmp_path)
    assert "bad-one and mrk-other" in said


async def test_somebody_elses_broken_metadata_is_no_matter(packages, tmp_path):
    packages.install("bad_one", HEAD)
    packages.install("broken", "", "this is no line of the file", "aaa-broken")
    async with open_memory_daemon(config_file=configured(tmp_path, "[bad_one]\n")) as daemon:
        assert "bad_one" in (await info_of(daemon))["components"]


async def test_named_sections_are_handed_in(packages, tmp_path):
    source = HEAD.replace(
        'return section.integer("size", 1)', "return [s.text('a') for s in named.values()]"
    ).replace("BadOne(needs))", "BadOne(needs)); assert settings == ['1', '2'], settings")
    packages.install("bad_one", source)
    file = configured(tmp_path, "[bad_one x]\na: 1\n[bad_one y z]\na: 2\n")
    async with open_memory_daemon(config_file=file) as daemon:
        info = await info_of(daemon)
        assert (info["warnings"], info["failed_components"]) == ([], [])


async def test_a_crash_is_a_failed_component_and_its_endpoints_say_so(
    packages, tmp_path, autojump_clock
):
    packages.install("bad_one", HEAD.replace("await trio.sleep_forever", "1 / 0, "))
    async with open_memory_daemon(config_file=configured(tmp_path, "[bad_one]\n")) as daemon:
        await trio.sleep(60)
        info = await info_of(daemon)
        assert info["failed_components"] == ["bad_one"]
        assert "division by zero" in info["warnings"][0]
        async with daemon.connect() as client:
            with pytest.raises(CallFailed, match="division by zero"):
                await client.call("server.bad_one.now")


async def test_a_slow_start_is_a_failed_component(packages, tmp_path, autojump_clock):
    packages.install("bad_one", HEAD.replace("task_status.started()", "await trio.sleep(9999)"))
    async with open_memory_daemon(config_file=configured(tmp_path, "[bad_one]\n")) as daemon:
        await trio.sleep(200)
        info = await info_of(daemon)
        assert info["failed_components"] == ["bad_one"]
        assert "has not started within 30 s" in info["warnings"][0]


@pytest.mark.parametrize("blocks", ["time.sleep(3600)", "exec('while True: pass')"])
async def test_one_that_blocks_is_interrupted(packages, tmp_path, short_limits, blocks):
    packages.install("bad_one", HEAD.replace("await trio.sleep_forever()", blocks))
    assert "held up the daemon for more than 0.2 s" in await failure(tmp_path)


async def test_a_child_task_that_blocks_is_interrupted(packages, tmp_path, short_limits):
    child = """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.block)

    async def block(self):
        await trio.sleep(0.01)
        try:
            time.sleep(3600)
        except Exception:
            pass
"""
    packages.install("bad_one", HEAD.replace("        await trio.sleep_forever()\n", child))
    assert "held up the daemon" in await failure(tmp_path)


@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_a_handler_that_blocks_ends_the_component(packages, tmp_path, short_limits, kind):
    source = HEAD.replace("def now", f"{kind} now").replace('return {"now": 1}', "time.sleep(99)")
    packages.install("bad_one", source)
    file = configured(tmp_path, "[bad_one]\n")
    async with open_memory_daemon(config_file=file) as daemon, daemon.connect() as client:
        with pytest.raises(CallFailed, match="held up the daemon"):
            await client.call("server.bad_one.now")
        info = await client.call("server.info")
        assert info["failed_components"] == ["bad_one"]
        with pytest.raises(CallFailed, match="held up the daemon"):
            await client.call("server.bad_one.now")


async def test_an_import_that_never_ends_is_interrupted(packages, tmp_path, short_limits):
    packages.install("bad_one", "while True:\n    pass\n")
    assert "took more than 0.2 s to be built" in await failure(tmp_path)


async def test_a_handler_that_ends_the_process_does_not(packages, tmp_path):
    packages.install("bad_one", HEAD.replace('return {"now": 1}', "raise SystemExit(1)"))
    file = configured(tmp_path, "[bad_one]\n")
    async with open_memory_daemon(config_file=file) as daemon, daemon.connect() as client:
        with pytest.raises(CallFailed, match="wanted to end the daemon"):
            await client.call("server.bad_one.now")
        assert (await client.call("server.info"))["klippy_state"] == "ready"
