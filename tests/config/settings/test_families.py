"""Families of settings: those without a section are not even loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from config.paths import Paths
from config.reader import ConfigReader
from config.settings.families import FAMILIES, Family, Rule, Settings
from config.source import ConfigSource

ROOT = Path(__file__).parents[3]
LATE = [family for family in FAMILIES if isinstance(family.read, str)]


def test_optional_families_are_loaded_late() -> None:
    assert {family.rule for family in LATE} == {Rule.FAILS}
    assert len(LATE) == sum(family.rule is Rule.FAILS for family in FAMILIES)
    program = (
        "import sys, config.settings.families as f\n"
        "print(*[one.field for one in f.FAMILIES if isinstance(one.read, str)\n"
        "        and 'config.settings.' + one.read.partition(':')[0] in sys.modules])"
    )
    done = subprocess.run(
        (sys.executable, "-c", program), cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


@pytest.mark.parametrize("family", LATE, ids=lambda family: family.field)
def test_without_a_section_it_would_have_read_the_default(family: Family, tmp_path: Path) -> None:
    reader = ConfigReader(ConfigSource())
    assert family.reading(reader) is None
    assert isinstance(family.read, str)
    module, _, function = family.read.partition(":")
    read = getattr(__import__(f"config.settings.{module}", fromlist=["x"]), function)
    found = read(reader, Paths.resolve(environ={}, data_path=str(tmp_path)))
    assert found == getattr(Settings(), family.field)


def test_what_is_written_and_cannot_be_used(read) -> None:
    assert read("").settings.emptied == frozenset()
    assert read("[power a]\ntype: gpio\npin: gpio1\n[power b]\n").settings.emptied == frozenset()
    assert read("[power a]\n[wled b]\ntype: udp\n").settings.emptied == {"power", "wled"}
    # Without a broker the component has failed.
    loaded = read("[sensor a]\ntype: zigbee\n")
    assert loaded.settings.emptied == {"sensor"}
    good = "type: mqtt\nstate_topic: a\nstate_response_template: {set_result('p', 1)}\n"
    loaded = read(f"[sensor a]\n{good}")
    assert loaded.settings.emptied == frozenset()
    assert [failure.component for failure in loaded.failures] == ["sensor"]
