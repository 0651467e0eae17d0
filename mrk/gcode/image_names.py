"""Names of a g-code file's images in `.thumbs`: no two files of a folder ever share one.

Of `part.gcode` they are `part-300x300.png`, as clients know them; of other suffixes
`part-300x300.g.png`. The image of a UFP package is `part.package.png`. Pure; names are bytes,
because names on disk need not be text.
"""

import os
import re

from mrk.short_digests import sha256

_USUAL_SUFFIX = b".gcode"
_NAME_BYTES = 255
_SIZED = rb"(-\d{1,6}x\d{1,6})(?:\.\w{1,8})?(\.\w{1,4})\Z"


def image_name(file: bytes, width: int, height: int, suffix: bytes) -> bytes:
    """The image of a file that is so large; `suffix` is `png` or `jpg`."""
    return _name(file, b"-%dx%d" % (width, height), b"." + suffix)


def package_image_name(model: bytes) -> bytes:
    """The image that came with the package of a model; its size is not known yet."""
    return _fitting(model, os.path.splitext(model)[0], b".package.png")


def renamed_image(image: bytes, source: bytes, dest: bytes) -> bytes:
    """What an image is called when its file is renamed, whoever named it."""
    # First, because a file's own name may end as sizes do: `part-2x2.gcode`.
    if image == package_image_name(source):
        return package_image_name(dest)
    if match := re.search(_SIZED, image):
        return _name(dest, match[1], match[2])
    return _fitting(dest, dest, b"." + image.removeprefix(os.path.splitext(source)[0]).lstrip(b"."))


def _name(file: bytes, size: bytes, suffix: bytes) -> bytes:
    stem, own_suffix = os.path.splitext(file)
    middle = b"" if own_suffix == _USUAL_SUFFIX else own_suffix
    return _fitting(file, stem, size + middle + suffix)


def _fitting(file: bytes, stem: bytes, tail: bytes) -> bytes:
    """The names of two files may differ in their last letters only: a digest tells them apart."""
    if len(stem) + len(tail) <= _NAME_BYTES:
        return stem + tail
    digest = b"-" + sha256(file).hexdigest()[:16].encode()
    left = _NAME_BYTES - len(tail) - len(digest)
    return stem[:left].decode("utf-8", "ignore").encode() + digest + tail
