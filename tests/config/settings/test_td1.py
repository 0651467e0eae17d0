from config.settings.td1 import Td1Settings


def test_values(read, failed):
    assert read("").settings.td1 is None
    assert read("[td1]\n").settings.td1 == Td1Settings()
    loaded = read("[td1]\nbaudrate: 9600\n")
    assert (loaded.settings.td1, loaded.warnings) == (Td1Settings(baudrate=9600), [])
    assert "out of range" in failed("td1", "[td1]\nbaudrate: 1\n")
