"""Reads what does not change while the daemon runs: processor, card, distribution, machine.

Holds no state and blocks: call it in a thread.
"""

import os
import struct
import sys
from collections.abc import Callable

import msgspec

from mrk.machine.cpu_info import CpuInfo, cpu_info
from mrk.machine.distribution import Distribution, distribution
from mrk.machine.sd_card import SdCard, sd_card
from mrk.machine.virtualization import Traces, Virtualization, virtualization
from nurseries.machine.host_tree import HostTree

# x86 says 1.4 kB a core.
_CPUINFO_BYTES = 1 << 20
_PROCESS_BYTES = 65536
_CARD = "sys/block/mmcblk0"
_DMI = "sys/class/dmi/id"
_DMI_NAMES = ("product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version")


class PythonVersion(msgspec.Struct, frozen=True):
    """`version` is sys.version_info as a list."""

    version: list[int | str]
    version_string: str


class Hardware(msgspec.Struct, frozen=True):
    """The members of `machine.system_info` that are read once."""

    cpu_info: CpuInfo
    sd_info: SdCard
    distribution: Distribution
    virtualization: Virtualization
    python: PythonVersion


class Uname(msgspec.Struct, frozen=True):
    """The kernel's release and the machine's architecture."""

    release: str
    machine: str


def this_uname() -> Uname:
    """Of the running kernel."""
    name = os.uname()
    return Uname(name.release, name.machine)


def read_hardware(tree: HostTree, uname: Callable[[], Uname]) -> Hardware:
    """Read all of it, about 1 ms."""
    kernel = uname()
    cpuinfo = tree.head("proc/cpuinfo", _CPUINFO_BYTES) or b""
    return Hardware(
        cpu_info=cpu_info(
            cpuinfo,
            tree.read("proc/meminfo") or b"",
            architecture=kernel.machine,
            pointer_bits=struct.calcsize("P") * 8,
            cpu_count=os.cpu_count(),
            board_model=tree.read("proc/device-tree/model"),
            board_serial=tree.read("proc/device-tree/serial-number"),
        ),
        sd_info=_read_card(tree),
        distribution=distribution(_os_release(tree), kernel.release),
        virtualization=_virtualization(tree, kernel.release, cpuinfo),
        python=PythonVersion(list(sys.version_info), sys.version.replace("\n", " ")),
    )


def _read_card(tree: HostTree) -> SdCard:
    return sd_card(
        cid=tree.read(f"{_CARD}/device/cid"),
        kind=tree.read(f"{_CARD}/device/type"),
        date=tree.read(f"{_CARD}/device/date"),
        sectors=tree.read(f"{_CARD}/size"),
    )


def _os_release(tree: HostTree) -> bytes | None:
    found = tree.read("etc/os-release")
    return tree.read("usr/lib/os-release") if found is None else found


def read_virtualization(tree: HostTree, uname: Callable[[], Uname]) -> Virtualization:
    """Read only this, about 0.3 ms."""
    cpuinfo = tree.head("proc/cpuinfo", _PROCESS_BYTES) or b""
    return _virtualization(tree, uname().release, cpuinfo)


def _virtualization(tree: HostTree, kernel_release: str, cpuinfo: bytes) -> Virtualization:
    traces = Traces(
        container=tree.read("run/systemd/container"),
        environment=tree.head("proc/1/environ", _PROCESS_BYTES),
        cgroup=tree.head("proc/1/cgroup", _PROCESS_BYTES),
        docker_mark=tree.exists(".dockerenv"),
        podman_mark=tree.exists("run/.containerenv"),
        kernel_release=kernel_release,
        cpuinfo=cpuinfo,
        dmi=tree.attributes(_DMI, _DMI_NAMES),
        hypervisor=tree.read("sys/hypervisor/type"),
        compatible=tree.read("proc/device-tree/hypervisor/compatible"),
    )
    return virtualization(traces)
