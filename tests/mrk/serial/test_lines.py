from mrk.serial.lines import LINE_BYTES, LineCutter


def test_lines_are_cut_the_same_however_they_come():
    data = b"ready\r\n1,0,PLA,0,4.25,F2B43A\n\xff\xfe\n" + b"x" * (2 * LINE_BYTES) + b"\nend\nrest"
    whole = LineCutter().feed(data)
    assert whole == ["ready", "1,0,PLA,0,4.25,F2B43A", "", "x" * LINE_BYTES, "end"]
    cutter = LineCutter()
    assert [line for at in range(len(data)) for line in cutter.feed(data[at : at + 1])] == whole
