from hypothesis import given
from hypothesis import strategies as st

from mrk.machine.cpu_info import CpuInfo, cpu_info

OLD_PI = b"""processor\t: 0
model name\t: ARMv7 Processor rev 4 (v7l)
BogoMIPS\t: 38.40

processor\t: 1
model name\t: ARMv7 Processor rev 4 (v7l)
BogoMIPS\t: 38.40

Hardware\t: BCM2835
Revision\t: a02082
Serial\t\t: 00000000b898bdb4
Model\t\t: Raspberry Pi 3 Model B Rev 1.2
"""
MEMINFO = b"MemTotal:   945364 kB\nMemAvailable:  500000 kB\n"


def read(cpuinfo: bytes, meminfo: bytes = b"", **given: bytes | None) -> CpuInfo:
    return cpu_info(
        cpuinfo, meminfo, architecture="armv7l", pointer_bits=32, cpu_count=None, **given
    )


def test_a_raspberry_pi_3() -> None:
    assert read(OLD_PI, MEMINFO) == CpuInfo(
        cpu_count=2,
        bits="32bit",
        processor="armv7l",
        cpu_desc="ARMv7 Processor rev 4 (v7l)",
        serial_number="b898bdb4",
        hardware_desc="BCM2835",
        model="Raspberry Pi 3 Model B Rev 1.2",
        total_memory=945364,
        memory_units="kB",
    )


def test_an_old_kernel_describes_the_processor_under_its_number_label() -> None:
    assert read(b"Processor\t: ARMv6-compatible rev 7\nprocessor\t: 0\n").cpu_desc == (
        "ARMv6-compatible rev 7"
    )


def test_the_number_of_a_pc_model_is_no_name() -> None:
    assert read(b"processor : 0\nmodel\t\t: 94\n").model == ""


def test_without_files_texts_are_empty_and_numbers_null() -> None:
    assert read(b"") == CpuInfo(None, "32bit", "armv7l", "", "", "", "", None, "")


def test_the_device_tree_fills_what_cpuinfo_does_not_say() -> None:
    found = read(b"", board_model=b"BigTreeTech CB1\0", board_serial=b"0033802000\0")
    assert (found.model, found.serial_number) == ("BigTreeTech CB1", "33802000")


@given(st.binary(max_size=500), st.binary(max_size=100))
def test_no_file_is_too_strange(cpuinfo: bytes, meminfo: bytes) -> None:
    read(cpuinfo, meminfo, board_model=cpuinfo, board_serial=meminfo)
