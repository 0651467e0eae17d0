"""What is remembered beside the frames, so that a restart in the middle of a print loses nothing.

The session stands for the print whose frames are being collected, an order for frames that are to
become a video or an archive. Pure; `nurseries/timelapse` stores them as JSON.
"""

import enum

import msgspec

# A film that ends the daemon, as one that takes all memory would, is not tried for ever.
MOST_ATTEMPTS = 3


class Stage(enum.StrEnum):
    """Where a print's frames stand."""

    COLLECTING = "collecting"
    KEPT = "kept"  # the print has ended; they wait for a manual render, until the next print


class LapseSession(msgspec.Struct):
    """`printed` is the g-code file, relative to its root; `stride` and `calls` are `FrameSet`'s."""

    printed: str = ""
    stage: Stage = Stage.KEPT
    stride: int = 1
    calls: int = 0


class RenderOrder(msgspec.Struct):
    """What is to be made of so many linked `frames`; a step that is done is taken back."""

    printed: str
    frames: int
    archive: bool = False
    render: bool = False
    attempts: int = 0


class PrintLook(enum.Enum):
    """What a first look at the printer means for a session."""

    SAME_PRINT = "same"
    OTHER_PRINT = "other"
    ENDED = "ended"
    IDLE = "idle"


def first_look(session: LapseSession, state: str, filename: str) -> PrintLook:
    """Compare a session with what the printer does now."""
    if state in ("printing", "paused"):
        same = session.stage is Stage.COLLECTING and session.printed == filename
        return PrintLook.SAME_PRINT if same else PrintLook.OTHER_PRINT
    if session.stage is Stage.COLLECTING and state == "complete" and filename == session.printed:
        return PrintLook.ENDED
    return PrintLook.IDLE
