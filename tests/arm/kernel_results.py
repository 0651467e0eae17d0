"""What the compiled planner makes of files, as hashes: run by any Python, of any architecture.

`kernel_results.py KERNEL.so NUMBERS FILE...`: NUMBERS holds packed limits, hexadecimal in JSON.
Needs nothing but the standard library, so that a bare interpreter under an emulator runs it.
Equal hashes mean equal results, bit for bit.
"""

import hashlib
import importlib.util
import json
import platform
import sys
import time
from pathlib import Path

PIECE_BYTES = 65536


def results(kernel, packed: bytes, path: Path) -> tuple[str, int]:
    """Hash over all segments, marks, peaks and names; and how many moves there were."""
    planner = kernel.Planner(packed, ())
    digest, moves = hashlib.sha256(), 0
    with path.open("rb") as file:
        pieces = [*iter(lambda: file.read(PIECE_BYTES), b"")]
    for found in [*map(planner.feed, pieces), planner.finish()]:
        moves += sum(segment[6] for segment in found[0])
        digest.update(repr(found).encode())  # of a float, repr tells every bit
    digest.update(repr((planner.peaks(), planner.names(), planner.bad_lines)).encode())
    return digest.hexdigest()[:32], moves


def main() -> None:
    so, numbers, *names = sys.argv[1:]
    spec = importlib.util.spec_from_file_location("mrk.estimate._kernel", so)
    assert spec is not None
    assert spec.loader is not None
    kernel = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kernel)
    print(f"# {platform.machine()}, Python {platform.python_version()}", file=sys.stderr)
    for kind, packed in json.loads(Path(numbers).read_text()).items():
        for name in names:
            began = time.perf_counter()
            found, moves = results(kernel, bytes.fromhex(packed), Path(name))
            print(kind, Path(name).name, moves, found, flush=True)
            took = time.perf_counter() - began
            print(f"# {kind} {Path(name).name}: {took:.2f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
