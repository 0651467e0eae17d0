from hypothesis import given
from hypothesis import strategies as st

from mrk.timelapse.frames import LAST_NUMBER, FrameSet, frame_name, frame_number, is_jpeg
from mrk.timelapse.session import LapseSession, PrintLook, Stage, first_look


def test_names_and_numbers():
    assert frame_name(12) == "frame000012.jpg"
    assert frame_number("frame000012.jpg") == 12
    assert [frame_number(n) for n in ("frame12.jpg", "frame000001.jpg.new", "x")] == [None] * 3


def test_only_whole_pictures_are_frames():
    picture = b"\xff\xd8" + b"x" * 100 + b"\xff\xd9"
    assert is_jpeg(picture)
    assert is_jpeg(picture + b"\0" * 100)
    assert not is_jpeg(picture[:-2])
    assert not is_jpeg(picture[1:])
    assert not is_jpeg(b"")


def test_what_lies_in_a_folder_is_sorted():
    found = FrameSet.found([("frame000003.jpg", 5), ("x", 9), ("frame000001.jpg", 7)])
    assert found.sizes == {1: 7, 3: 5}
    assert (found.count, found.total_bytes, found.last) == (2, 12, 3)
    assert (FrameSet().count, FrameSet().last) == (0, 0)


@given(
    st.integers(min_value=100, max_value=2000),
    st.lists(st.integers(min_value=1, max_value=30), max_size=200),
)
def test_the_budget_holds_and_the_pace_stays_even(budget, sizes):
    frames, number = FrameSet(), 0
    for size in sizes:
        if frames.is_due():
            number = frames.last + 1
            frames.add(number, size)
            gone = frames.thin_out(budget)
            assert not set(gone) & set(frames.sizes)
            assert frames.total_bytes <= budget
            assert frames.last == number
    assert frames.calls == len(sizes)
    assert not sizes or 1 in frames.sizes


def test_numbers_end():
    frames = FrameSet({LAST_NUMBER: 1})
    assert not frames.is_due()


def test_a_first_look_at_the_printer():
    session = LapseSession("a.gcode", Stage.COLLECTING)
    assert first_look(session, "printing", "a.gcode") is PrintLook.SAME_PRINT
    assert first_look(session, "paused", "a.gcode") is PrintLook.SAME_PRINT
    assert first_look(session, "printing", "b.gcode") is PrintLook.OTHER_PRINT
    assert first_look(session, "complete", "a.gcode") is PrintLook.ENDED
    assert first_look(session, "complete", "b.gcode") is PrintLook.IDLE
    assert first_look(session, "standby", "") is PrintLook.IDLE
    kept = LapseSession("a.gcode", Stage.KEPT)
    assert first_look(kept, "complete", "a.gcode") is PrintLook.IDLE
    assert first_look(kept, "printing", "a.gcode") is PrintLook.OTHER_PRINT
