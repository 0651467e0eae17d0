"""From frames to a video: its rate, its picture, its name, and what ffmpeg is asked. Pure."""

import shlex
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from mrk.timelapse.settings import LapseSettings

FRAMES = "frame%06d.jpg"
# A name of 255 bytes has still to take "_99" and an ending.
_NAME_BYTES = 200
_UNKNOWN = "print"
_QUIET = ("-nostdin", "-hide_banner", "-loglevel", "error")


def frame_rate(settings: LapseSettings, frames: int) -> int:
    """Frames per second; `frames` counts the copies of the last one."""
    if not settings.variable_fps:
        return settings.output_framerate
    low, high = settings.variable_fps_min, settings.variable_fps_max
    return max(low, min(frames // settings.targetlength, max(low, high)))


def picture_filter(settings: LapseSettings) -> str | None:
    """One filter of ffmpeg that turns and flips; None when the picture stays as it is."""
    flips = [name for name, on in (("hflip", settings.flip_x), ("vflip", settings.flip_y)) if on]
    match settings.rotation:
        case 0:
            turns = []
        case 90:
            turns = ["transpose=1"]
        case 180:
            turns = ["hflip", "vflip"]
        case 270:
            turns = ["transpose=2"]
        case angle:
            turns = [f"rotate={angle}*PI/180"]
    return ",".join([*turns, *flips]) or None


def video_arguments(settings: LapseSettings, frames: int, output: str) -> list[str]:
    """ffmpeg's arguments; it runs in the folder of the frames."""
    look = picture_filter(settings)
    return [
        *_QUIET,
        *("-nostats", "-progress", "pipe:1"),
        *("-r", str(frame_rate(settings, frames)), "-i", FRAMES),
        *(() if look is None else ("-vf", look)),
        *("-threads", "2", "-g", "5", "-crf", str(settings.constant_rate_factor)),
        *("-vcodec", "libx264", "-preset", "veryfast", "-pix_fmt", settings.pixelformat, "-an"),
        *shlex.split(settings.extraoutputparams),
        *("-f", "mp4", "-movflags", "+faststart", output, "-y"),
    ]


def preview_arguments(settings: LapseSettings, frame: str, output: str) -> list[str] | None:
    """ffmpeg's arguments for the picture beside the video; None when a copy will do."""
    look = picture_filter(settings)
    if look is None:
        return None
    return [*_QUIET, "-i", frame, "-vf", look, "-q:v", "2", "-f", "image2", output, "-y"]


def stream_arguments(url: str, output: str) -> list[str]:
    """ffmpeg's arguments for one picture from a stream."""
    return [*_QUIET, "-i", url, "-frames:v", "1", "-q:v", "2", "-f", "image2", output, "-y"]


def video_name(printed: str, format_code: str, when: datetime) -> str:
    """A name without an ending, from the name of the g-code file."""
    file = printed.rpartition("/")[2] or _UNKNOWN
    try:
        stamp = when.strftime(format_code)
    except ValueError:
        stamp = when.strftime("%Y%m%d_%H%M")
    stamp = "".join(char for char in stamp if char.isprintable()).replace("/", "-")
    file = "".join(char for char in file if char.isprintable())
    left = _NAME_BYTES - len("timelapse__") - len(stamp.encode()[:100])
    cut = file.encode("utf-8", "replace")[:left].decode("utf-8", "ignore")
    return f"timelapse_{cut}_{stamp.encode()[:100].decode('utf-8', 'ignore')}"


def free_name(name: str, taken: Sequence[str]) -> str:
    """The name, or one with a number behind it, so that no video of that minute is lost."""
    stems = {Path(one).stem for one in taken}
    if name not in stems:
        return name
    return next(f"{name}_{n}" for n in range(2, len(stems) + 3) if f"{name}_{n}" not in stems)


def frames_done(line: bytes) -> int | None:
    """The number in a line `frame=12` of ffmpeg's progress; None for other lines."""
    name, _, value = line.partition(b"=")
    value = value.strip()
    return int(value) if name == b"frame" and value.isdigit() and len(value) < 10 else None


def percent(done: int, frames: int) -> int:
    """Whole percents, at most 100."""
    return min(100, done * 100 // max(frames, 1))
