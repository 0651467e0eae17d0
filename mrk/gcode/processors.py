"""Programs that change a g-code file after its slicer: known by the comment they leave, or ours.

The daemon imports this for `GcodeProcessor`, and reads no g-code: the scan worker does.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from mrk.gcode.text import GcodeText

OBJECTS_SIGNATURE = b"; Pre-Processed for Cancel-Object support by "
_SIGNATURES = (
    ("klipper_estimator", b"; Processed by klipper_estimator "),
    ("preprocess_cancellation", OBJECTS_SIGNATURE),
)


class GcodeProcessor(msgspec.Struct, frozen=True):
    """What changes new g-code files before they are scanned, in the scan worker.

    `reference` is `module:function`, called as `function(source, target, options)` with files open
    for reading and writing; it returns whether `target` is to replace the file.
    """

    name: str
    reference: str
    options: Mapping[str, Any] = {}


def processors(text: "GcodeText") -> list[str]:
    """Names of the processors that ran on the file."""
    return [
        name
        for name, signature in _SIGNATURES
        if signature in text.header or signature in text.footer
    ]
