"""Programs that changed a g-code file after its slicer, known by the comment they leave."""

from mrk.gcode.text import GcodeText

OBJECTS_SIGNATURE = b"; Pre-Processed for Cancel-Object support by "
_SIGNATURES = (
    ("klipper_estimator", b"; Processed by klipper_estimator "),
    ("preprocess_cancellation", OBJECTS_SIGNATURE),
)


def processors(text: GcodeText) -> list[str]:
    """Names of the processors that ran on the file."""
    return [
        name
        for name, signature in _SIGNATURES
        if signature in text.header or signature in text.footer
    ]
