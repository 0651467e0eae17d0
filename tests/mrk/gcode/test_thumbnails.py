"""Images in comments: found, checked, and taken out of the text."""

import base64
import struct
import zlib

import pytest

from mrk.gcode.images import ImageKind, image_size
from mrk.gcode.qoi import BadImage, qoi_to_png
from mrk.gcode.thumbnails import IMAGES_LIMIT, take_apart
from tests.fakes.gcode_images import block, jpeg, png, qoi


def images_in(text: bytes) -> list[tuple[str, int, int]]:
    return [(image.kind.value, image.width, image.height) for image in take_apart(text)[1]]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_three_formats_in_file_order(line_end):
    text = (
        b"\n; head" + line_end
        + block(png(32, 32), "32x32", line_end=line_end)
        + block(jpeg(160, 120), "160x120", "thumbnail_JPG", line_end=line_end)
        + block(qoi(16, 8, b"\xfd" * 3), "16x8", "thumbnail_qoi", line_end=line_end)
        + block(png(64, 48), "64x48", "thumbnail_PNG", line_end=line_end)
        + b"; tail" + line_end
    )  # fmt: skip
    assert images_in(text) == [
        ("png", 32, 32), ("jpg", 160, 120), ("qoi", 16, 8), ("png", 64, 48),
    ]  # fmt: skip
    rest, images = take_apart(text)
    assert b"thumbnail" not in rest
    assert b"; head" in rest
    assert b"; tail" in rest
    assert images[0].data == png(32, 32)


def test_a_plain_end_ends_a_block_of_any_format():
    assert images_in(b"\n" + block(qoi(4, 4, b"\xfd"), "4x4", "thumbnail_QOI", end="thumbnail"))


@pytest.mark.parametrize("by", [-4, -1, 1, 4, 10**8])
def test_a_length_that_is_not_true_is_not_believed(by):
    data = png(32, 32)
    length = len(base64.b64encode(data)) + by
    assert images_in(b"\n" + block(data, "32x32", length=length)) == []


@pytest.mark.parametrize(
    ("word", "size"),
    [
        ("png", "48*48"), ("thumbnail", "48 x 48"), ("thumbnail", "48 X48"), ("THUMBNAIL", "48x48"),
        ("jpg", "48x48"), ("thumbnail_BIQU", "48\u00d748"), ("qoi", "48 48"), ("image", "48x48"),
    ],
)  # fmt: skip
def test_spellings_of_forks(word, size):
    data = png(48, 48)
    chars = len(base64.b64encode(data))
    for length in (chars, len(data), f"{chars} 3 30 200", f"{len(data)} 3 30 200", ""):
        rest, images = take_apart(b"\n; head\n" + block(data, size, word, length=length) + b"; t\n")
        assert [(image.kind, image.width) for image in images] == [("png", 48)]
        assert rest == b"\n; head\n;\n;\n; t\n"


def test_base64_without_its_padding():
    data = png(33, 32)
    assert len(data) % 3
    text = block(data, "33x32", length=len(data)).replace(b"=", b"")
    assert images_in(b"\n" + text) == [("png", 33, 32)]


def test_a_size_that_is_not_true_is_corrected():
    assert images_in(b"\n" + block(png(48, 24), "300x300")) == [("png", 48, 24)]


def test_an_image_that_claims_a_huge_size_is_refused():
    bomb = png(32, 32)
    bomb = bomb[:16] + struct.pack(">II", 4097, 4096) + bomb[24:]
    assert images_in(b"\n" + block(bomb, "32x32")) == []
    edge = bomb[:16] + struct.pack(">II", 4096, 4096) + bomb[24:]
    assert images_in(b"\n" + block(edge, "32x32")) == [("png", 4096, 4096)]


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a" + bytes(40), b"\x89PNG\r\n\x1a\n", b"qoif", b"\xff\xd8\xff", bytes(64)]
)
@pytest.mark.parametrize("word", ["thumbnail", "thumbnail_JPG", "thumbnail_QOI", "thumbnail_GIF"])
def test_bytes_that_are_no_such_image_are_left_out(data, word):
    assert images_in(b"\n" + block(data, "32x32", word)) == []


@pytest.mark.parametrize(
    "text",
    [
        b"\n; thumbnail begin 32x32 100\n; AAAA\n",
        b"\n; thumbnail begin 32x32\n; AAAA\n; thumbnail end\n",
        b"\n; thumbnail begin 32x32 4\n; A*AA\n; thumbnail end\n",
        b"\n; thumbnail end\n",
        b"\n; thumbnails = 32x32,300x300\n; thumbnails_format = PNG\n",
        b"\nthumbnail begin 32x32 4\n",
    ],
)
def test_broken_blocks_are_left_out_and_the_text_stays(text):
    rest, images = take_apart(text + b"; layer_height = 0.2\n")
    assert images == []
    assert rest.endswith(b"\n; layer_height = 0.2\n")


def test_many_images_are_cut_off():
    text = b"\n" + block(png(4, 4), "4x4") * (IMAGES_LIMIT + 3)
    assert len(images_in(text)) == IMAGES_LIMIT


@pytest.mark.parametrize(
    "text",
    [
        b"\n; prusaslicer_config = begin\n; a = begin begin\nbeginning\n; end\n",
        b"begin",
        b"\n; thumbnail begin",
        b"\n; thumbnail begin 32x32 4\n; begin\n; thumbnail beg\n",
    ],
)
def test_text_that_is_no_image_is_kept_as_it_is(text):
    assert take_apart(text) == (text, [])


@pytest.mark.parametrize(
    ("data", "length", "reason"),
    [
        (png(32, 32), 5, "its length is not 5"),
        (bytes(64), None, "neither PNG, JPEG nor QOI"),
        (png(0, 32), None, "0x32 pixels; 1 to 16777216 pixels expected"),
    ],
)
def test_why_an_image_was_left_out_is_noted(data, length, reason):
    notes: list[str] = []
    text = b"\n" + block(data, "32x32", length=length)
    assert take_apart(text, notes)[1] == []
    assert notes == [f"image left out: {reason}"]
    notes.clear()
    take_apart(b"\n; thumbnail begin 32x32 4\n; A*AA\n; thumbnail end\n", notes)
    assert notes == ["image left out: its text is no base64"]


@pytest.mark.parametrize("length", [None, "chars", "bytes"])
def test_a_large_image_whatever_its_length_counts(length):
    data = png(600, 600) + bytes(range(256)) * 3000
    told = {None: "", "chars": None, "bytes": len(data)}[length]
    assert images_in(b"\n" + block(data, "600x600", length=told)) == [("png", 600, 600)]


def test_an_image_that_is_too_long_is_left_out():
    data = png(600, 600) + bytes(3 * 1024 * 1024)
    notes: list[str] = []
    assert take_apart(b"\n" + block(data, "600x600"), notes)[1] == []
    assert notes == ["image left out: more than 4194304 bytes of text"]


def test_text_between_images_is_kept():
    image = block(png(4, 4), "4x4").removeprefix(b";\n").removesuffix(b";\n")
    rest, images = take_apart(b"\n" + image + image + b"; begin\n" + image + b"; end")
    assert len(images) == 3
    assert rest == b"\n; begin\n; end"


def test_a_jpeg_with_tables_before_its_frame():
    plain = jpeg(640, 480)
    tables = b"\xff\xdb\x00\x43" + b"\xc0" * 65 + b"\xff\x01\xff\xd0\xff\xc4\x00\x04ab"
    assert image_size(ImageKind.JPG, plain[:20] + tables + plain[20:]) == (640, 480)
    assert image_size(ImageKind.JPG, plain[:20] + b"\x00" + tables + plain[20:]) is None
    assert image_size(ImageKind.JPG, plain[:-2]) == (640, 480)
    assert image_size(ImageKind.JPG, plain[:20] + b"\xff\xc0\x00\x0b\x08\x01\xe0") is None
    assert image_size(ImageKind.JPG, b"\x00" + plain[1:]) is None


@pytest.mark.parametrize("kind", ["png", "qoi"])
def test_what_begins_as_an_image_and_is_none(kind):
    data = {"png": png(32, 16), "qoi": qoi(32, 16, b"\xfd")}[kind]
    assert image_size(ImageKind(kind), data) == (32, 16)
    assert image_size(ImageKind(kind), data[:20]) is None
    assert image_size(ImageKind(kind), b"\x00" + data[1:]) is None
    if kind == "png":
        assert image_size(ImageKind.PNG, data.replace(b"IHDR", b"IDAT", 1)) is None


def test_jpeg_size_after_fill_bytes_and_junk():
    assert image_size(ImageKind.JPG, jpeg(640, 480)) == (640, 480)
    assert image_size(ImageKind.JPG, b"\xff\xd8\xff" + b"\xff" * 40) is None
    assert image_size(ImageKind.JPG, b"\xff\xd8\xff\xe0\x00\x00" + bytes(40)) is None


def pixels_of(image: bytes, width: int) -> list[bytes]:
    at, idat = 8, b""
    while at < len(image):
        length, kind = struct.unpack_from(">I4s", image, at)
        if kind == b"IDAT":
            idat += image[at + 8 : at + 8 + length]
        at += 12 + length
    rows = zlib.decompress(idat)
    stride = 1 + 4 * width
    flat = b"".join(rows[i + 1 : i + stride] for i in range(0, len(rows), stride))
    return [flat[i : i + 4] for i in range(0, len(flat), 4)]


def test_every_kind_of_qoi_step_becomes_the_right_pixel():
    ops = (
        b"\xfe\x0a\x14\x1e"  # RGB
        b"\xc1"  # two more of it
        b"\x7f"  # small difference: +1 +1 +1
        b"\xa1\x99"  # luma: green +1, red +2, blue +2
        b"\xff\x01\x02\x03\x04"  # RGBA
    )
    ops += bytes([(0x0A * 3 + 0x14 * 5 + 0x1E * 7 + 255 * 11) % 64])  # the first colour again
    found = pixels_of(qoi_to_png(qoi(7, 1, ops)), 7)
    assert found == [
        b"\x0a\x14\x1e\xff", b"\x0a\x14\x1e\xff", b"\x0a\x14\x1e\xff", b"\x0b\x15\x1f\xff",
        b"\x0d\x16\x21\xff", b"\x01\x02\x03\x04", b"\x0a\x14\x1e\xff",
    ]  # fmt: skip


def test_a_qoi_image_that_ends_early_is_refused():
    with pytest.raises(BadImage):
        qoi_to_png(qoi(100, 100, b"\xfd"))
    with pytest.raises(BadImage):
        qoi_to_png(b"no image at all, but long enough")


def test_a_run_never_draws_beyond_the_image():
    assert len(pixels_of(qoi_to_png(qoi(3, 1, b"\xfd")), 3)) == 3
