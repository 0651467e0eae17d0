"""The g-code processor for multi-material units; run by the scan worker on new files.

Reads the file twice, a line at a time.
"""

from collections.abc import Mapping
from typing import Any, BinaryIO

from mrk.gcode.objects import LINE_LIMIT_BYTES
from mrk.mmu.placeholders import MmuRewrite, MmuSurvey


def process(source: BinaryIO, target: BinaryIO, options: Mapping[str, Any]) -> bool:
    """Write what is to replace the file; False when it stays as it is."""
    survey = MmuSurvey()
    while line := source.readline(LINE_LIMIT_BYTES):
        survey.feed(line)
        if survey.is_hopeless:
            return False
    rewrite = MmuRewrite(survey.found, next_position=bool(options.get("next_position")))
    if not rewrite.is_needed:
        return False
    source.seek(0)
    target.write(rewrite.begin())
    last = b"\n"
    while line := source.readline(LINE_LIMIT_BYTES):
        target.write(rewrite.feed(line))
        last = line
    if not last.endswith(b"\n"):
        target.write(b"\n")
    target.write(rewrite.finish())
    return True
