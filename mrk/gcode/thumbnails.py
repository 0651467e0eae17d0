"""Images that slicers hide in comments, as base64 between a begin and an end line.

    ; thumbnail_QOI begin 48x48 3584
    ; cW9pZgAAADAAAAAw...
    ; thumbnail_QOI end

Pure: takes a window apart into images and the text without them. A block is believed only if
its length is the declared one, its base64 is clean and its bytes begin as a known format does;
format and size in pixels are read from the image itself, whatever the comment claims.
"""

import binascii
import re

import msgspec

from mrk.definitions.limits import MIB
from mrk.gcode.images import ImageKind, image_size

IMAGES_LIMIT = 16  # a file
BLOCKS_LIMIT = 64  # looked at in one window
IMAGE_LIMIT_CHARS = 4 * MIB  # base64 text of one image
PIXELS_LIMIT = 4096 * 4096
_WORD = rb"\n;[ \t]{0,8}+(?:thumbnail|png|jpe?g|qoi|image)(?:_\w{1,16})?+[ \t]{1,4}+"
# A sign of any kind between width and height; forks put further numbers behind the length.
_BEGIN = re.compile(
    _WORD + rb"begin[ \t]{1,4}+\d{1,6}(?:[ \t]{0,4}+[^\d\s]{1,2}[ \t]{0,4}+|[ \t]{1,4}+)\d{1,6}"
    rb"(?:[ \t]{1,4}+(\d{1,9})(?=\s))?[^\n]{0,200}\n",
    re.IGNORECASE,
)
# Some plug-ins end `thumbnail_QOI` with a plain `thumbnail end`.
_END = re.compile(_WORD + rb"end", re.IGNORECASE)
_INDENT_BYTES = 48  # from the line's start to the word `begin`


class Thumbnail(msgspec.Struct, frozen=True):
    """One image; `width` and `height` are its own, in pixels."""

    kind: ImageKind
    width: int
    height: int
    data: bytes


def take_apart(text: bytes, notes: list[str] | None = None) -> tuple[bytes, list[Thumbnail]]:
    """The text without its image blocks, and the images that can be believed, in file order.

    `notes` gets why others were left out.
    """
    kept: list[bytes] = []
    images: list[Thumbnail] = []
    at = blocks = 0
    while (near := text.find(b"begin", at)) >= 0:
        line = text.rfind(b"\n", max(0, near - _INDENT_BYTES), near)
        begin = _BEGIN.match(text, line) if line >= at - 1 and line >= 0 else None
        if begin is None:
            kept.append(text[at : near + 5])
            at = near + 5
            continue
        if (blocks := blocks + 1) > BLOCKS_LIMIT:
            break
        length = None if begin[1] is None else int(begin[1])
        limit = begin.end() + 2 * min(2 * (length or MIB), IMAGE_LIMIT_CHARS) + 512
        end = _END.search(text, begin.end() - 1, limit)
        if end is None:
            kept.append(text[at : begin.end() - 1])
            at = begin.end() - 1
            continue
        kept.append(text[at : begin.start()])
        image = _believed(length, text[begin.end() : end.start()])
        if isinstance(image, str):
            if notes is not None:
                notes.append(f"image left out: {image}")
        elif len(images) < IMAGES_LIMIT:
            images.append(image)
        line_end = text.find(b"\n", end.end())
        at = line_end if line_end >= 0 else len(text)
    kept.append(text[at:])
    return b"".join(kept), images


def _believed(length: int | None, block: bytes) -> Thumbnail | str:
    """An image, or why it is none that can be shown.

    `length` counts the text or, of some forks, the bytes; of others it is not there.
    """
    payload = block.translate(None, b"; \t\r\n")
    if len(payload) > IMAGE_LIMIT_CHARS:
        return f"more than {IMAGE_LIMIT_CHARS} bytes of text"
    padding = b"=" * (-len(payload) % 4)
    try:
        data = binascii.a2b_base64(payload + padding, strict_mode=True)
    except binascii.Error:
        return "its text is no base64"
    if length not in (None, len(payload), len(data)):
        return f"its length is not {length}"
    for kind in ImageKind:
        size = image_size(kind, data)
        if size is not None and 0 < size[0] * size[1] <= PIXELS_LIMIT:
            return Thumbnail(kind, size[0], size[1], data)
        if size is not None:
            return f"{size[0]}x{size[1]} pixels; 1 to {PIXELS_LIMIT} pixels expected"
    return "neither PNG, JPEG nor QOI"
