"""The choice of spools, as Moonraker and mrk store it; and what an import costs."""

import subprocess
import sys

import pytest

from nurseries.spoolman import choice_store
from nurseries.spoolman.choice_store import Choice
from tests.fakes.items import MemoryItems


async def test_moonrakers_record_and_back():
    items = MemoryItems(moonraker={"spoolman": {"spool_id": 7}, "other": {"a": 1}})
    assert await choice_store.read(items) == Choice(7, {})
    await choice_store.write(items, 8, {"extruder1": 2})
    assert items.records("moonraker") == {
        "spoolman": {"spool_id": 8, "tool_spools": {"extruder1": 2}},
        "other": {"a": 1},
    }
    assert await choice_store.read(items) == Choice(8, {"extruder1": 2})


@pytest.mark.parametrize(
    "junk", [None, 5, [], {"spool_id": "7"}, {"spool_id": True}, {"spool_id": -1},
             {"spool_id": None, "tool_spools": 5}, {"tool_spools": {"a": None}}],
)  # fmt: skip
async def test_junk_is_no_choice(junk):
    items = MemoryItems(moonraker={"spoolman": junk})
    assert await choice_store.read(items) == Choice(None, {})


def test_libraries_are_loaded_at_their_first_use():
    code = (
        "import sys, nurseries.spoolman, nurseries.http_client;"
        "print([name for name in ('httpx', 'trio_websocket', 'h11') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
