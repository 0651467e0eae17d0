"""Images that slicers hide in comments, as base64 between a begin and an end line.

    ; thumbnail_QOI begin 48x48 3584
    ; cW9pZgAAADAAAAAw...
    ; thumbnail_QOI end

Pure: takes a window apart into images and the text without them. A block is believed only if
its length is the declared one, its base64 is clean and its bytes begin as its format does; the
size in pixels is read from the image itself, whatever the comment claims.
"""

import binascii
import re
from dataclasses import dataclass

from mrk.gcode.images import ImageKind, image_size

MIB = 1024 * 1024
IMAGES_LIMIT = 16  # a file
BLOCKS_LIMIT = 64  # looked at in one window
IMAGE_LIMIT_CHARS = 4 * MIB  # base64 text of one image
PIXELS_LIMIT = 4096 * 4096
_BEGIN = re.compile(
    rb"\n;[ \t]{0,8}+(thumbnail(?:_\w{1,8})?+)[ \t]{1,4}+begin[ \t]{1,4}+"
    rb"(\d{1,6})[^\d\n](\d{1,6})[ \t]{1,4}+(\d{1,9})[ \t\r]{0,8}+\n"
)
# Some plug-ins end `thumbnail_QOI` with a plain `thumbnail end`.
_END = re.compile(rb"\n;[ \t]{0,8}+thumbnail(?:_\w{1,8})?+[ \t]{1,4}+end")
_KINDS = {
    b"thumbnail": ImageKind.PNG,
    b"thumbnail_png": ImageKind.PNG,
    b"thumbnail_jpg": ImageKind.JPG,
    b"thumbnail_qoi": ImageKind.QOI,
}


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """One image; `width` and `height` are its own, in pixels."""

    kind: ImageKind
    width: int
    height: int
    data: bytes


def take_apart(text: bytes) -> tuple[bytes, list[Thumbnail]]:
    """The text without its image blocks, and the images that can be believed, in file order."""
    kept: list[bytes] = []
    images: list[Thumbnail] = []
    at = blocks = 0
    while (near := text.find(b"thumbnail", at)) >= 0:
        line = text.rfind(b"\n", max(0, near - 12), near)
        begin = _BEGIN.match(text, line) if line >= 0 else None
        if begin is None:
            kept.append(text[at : near + 9])
            at = near + 9
            continue
        if (blocks := blocks + 1) > BLOCKS_LIMIT:
            break
        length = int(begin[4])
        limit = begin.end() + 2 * min(length, IMAGE_LIMIT_CHARS) + 512
        end = _END.search(text, begin.end() - 1, limit)
        if end is None:
            kept.append(text[at : begin.end() - 1])
            at = begin.end() - 1
            continue
        kept.append(text[at : begin.start()])
        image = _believed(begin[1], length, text[begin.end() : end.start()])
        if image is not None and len(images) < IMAGES_LIMIT:
            images.append(image)
        line_end = text.find(b"\n", end.end())
        at = line_end if line_end >= 0 else len(text)
    kept.append(text[at:])
    return b"".join(kept), images


def _believed(word: bytes, length: int, block: bytes) -> Thumbnail | None:
    kind = _KINDS.get(word.lower())
    if kind is None or length > IMAGE_LIMIT_CHARS:
        return None
    payload = block.translate(None, b"; \t\r\n")
    if len(payload) != length:
        return None
    try:
        data = binascii.a2b_base64(payload, strict_mode=True)
    except binascii.Error:
        return None
    size = image_size(kind, data)
    if size is None or not 0 < size[0] * size[1] <= PIXELS_LIMIT:
        return None
    return Thumbnail(kind, size[0], size[1], data)
