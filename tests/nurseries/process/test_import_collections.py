"""Modules are imported without garbage collections, and are not looked at later."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
import gc
from nurseries.process.import_collections import none_collected

seen = []
gc.callbacks.append(lambda phase, info: seen.append(phase))
try:
    with none_collected():
        made = [[] for _ in range(10_000)]
        assert not seen and not gc.isenabled()
        raise ImportError
except ImportError:
    assert gc.isenabled()
assert gc.get_freeze_count() > 10_000
assert not any(gc.get_objects(generation=age) for age in (1, 2))
made += [[] for _ in range(10_000)]
assert seen
gc.disable()
with none_collected():
    pass
assert not gc.isenabled()
"""


def test_no_collection_happens_meanwhile_and_none_looks_at_what_came() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
