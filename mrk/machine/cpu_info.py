"""What the processor and the board are, from /proc/cpuinfo, /proc/meminfo and the device tree.

Pure. Formats: proc(5), "/proc/cpuinfo"; the kernel's `c_show` of arch/arm, arm64 and x86.
"""

import msgspec

from mrk.machine.attribute import text
from mrk.machine.memory import parse_meminfo

_MOST_CHARS = 256
# Of each core: a description on x86 and 32-bit ARM, `Processor` on old ARM kernels.
_DESCRIPTIONS = ("model name", "processor")


class CpuInfo(msgspec.Struct, frozen=True):
    """Texts are empty when unknown; `total_memory` is in `memory_units`."""

    cpu_count: int | None
    bits: str
    processor: str
    cpu_desc: str
    serial_number: str
    hardware_desc: str
    model: str
    total_memory: int | None
    memory_units: str


def cpu_info(
    cpuinfo: bytes,
    meminfo: bytes,
    *,
    architecture: str,
    pointer_bits: int,
    cpu_count: int | None,
    board_model: bytes | None = None,
    board_serial: bytes | None = None,
) -> CpuInfo:
    """Put together what the files say.

    `architecture` is uname's machine, `cpu_count` what the system says where the file does not,
    `board_model` and `board_serial` are the device tree's, where the board has one.
    """
    fields, cores = _fields(cpuinfo)
    total_kb = parse_meminfo(meminfo).get("total")
    descriptions = (fields.get(name, "") for name in _DESCRIPTIONS)
    return CpuInfo(
        cpu_count=cores or cpu_count,
        bits=f"{pointer_bits}bit",
        processor=architecture,
        cpu_desc=next((d for d in descriptions if d and not d.isdigit()), ""),
        serial_number=(fields.get("serial") or text(board_serial) or "").lstrip("0"),
        hardware_desc=fields.get("hardware", ""),
        model=fields.get("model name of the board") or text(board_model) or "",
        total_memory=total_kb,
        memory_units="" if total_kb is None else "kB",
    )


def _fields(cpuinfo: bytes) -> tuple[dict[str, str], int]:
    """The first value of each label in lower case, and the number of cores."""
    found: dict[str, str] = {}
    cores = 0
    for line in cpuinfo.split(b"\n"):
        label, colon, rest = line.partition(b":")
        name, value = label.strip(), text(rest[:_MOST_CHARS])
        if not colon or value is None or not name.isascii():
            continue
        cores += name == b"processor" and value.isdigit()
        # x86 numbers its `model`; ARM boards name theirs `Model`.
        key = "model name of the board" if name == b"Model" else name.decode().lower()
        if not (key == "processor" and value.isdigit()):
            found.setdefault(key, value)
    return found, cores
