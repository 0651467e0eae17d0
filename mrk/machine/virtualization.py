"""Whether this host is a container or a virtual machine, from what the kernel and systemd leave.

Pure. The identifiers are those of systemd-detect-virt(1); a container wins over the machine that
it runs in. Files that this user may not read count as absent.
"""

from collections.abc import Mapping

import msgspec

from mrk.machine.attribute import text

_CONTAINERS = {
    "docker", "lxc", "lxc-libvirt", "openvz", "podman", "pouch", "proot", "rkt",
    "systemd-nspawn", "wsl",
}  # fmt: skip
_CGROUPS = {
    b"docker": "docker",
    b"libpod": "podman",
    b"/lxc": "lxc",
    b"kubepods": "container-other",
}
# How vendors name themselves in the firmware's tables, in this order.
_DMI = (
    ("KVM", "kvm"),
    ("OpenStack", "kvm"),
    ("KubeVirt", "kvm"),
    ("Amazon EC2", "amazon"),
    ("QEMU", "qemu"),
    ("VMware", "vmware"),
    ("VMW", "vmware"),
    ("innotek GmbH", "oracle"),
    ("VirtualBox", "oracle"),
    ("Xen", "xen"),
    ("Bochs", "bochs"),
    ("Parallels", "parallels"),
    ("BHYVE", "bhyve"),
    ("Hyper-V", "microsoft"),
    ("Apple Virtualization", "apple"),
    ("Google Compute Engine", "google"),
)


class Virtualization(msgspec.Struct, frozen=True):
    """`virt_type`: none, container, vm or unknown."""

    virt_type: str
    virt_identifier: str


class Traces(msgspec.Struct, frozen=True):
    """What was found; bytes as read, None where there is no such file.

    `container` is /run/systemd/container, `environment` and `cgroup` those of process 1, `dmi`
    by attribute of /sys/class/dmi/id, `hypervisor` /sys/hypervisor/type, `compatible` the
    device tree's hypervisor node.
    """

    container: bytes | None = None
    environment: bytes | None = None
    cgroup: bytes | None = None
    docker_mark: bool = False
    podman_mark: bool = False
    kernel_release: str = ""
    cpuinfo: bytes = b""
    dmi: Mapping[str, bytes | None] = {}
    hypervisor: bytes | None = None
    compatible: bytes | None = None


def virtualization(traces: Traces) -> Virtualization:
    """The kind that the traces point to."""
    container = _container(traces)
    if container is not None:
        return Virtualization("container", container)
    machine = _machine(traces)
    if machine is not None:
        return Virtualization("vm", machine)
    return Virtualization("none", "none")


def _container(traces: Traces) -> str | None:
    named = text(traces.container) or _announced(traces.environment or b"")
    if named is not None:
        return named if named in _CONTAINERS else "container-other"
    if traces.docker_mark:
        return "docker"
    if traces.podman_mark:
        return "podman"
    if "microsoft" in traces.kernel_release.lower():
        return "wsl"
    return next((name for mark, name in _CGROUPS.items() if mark in (traces.cgroup or b"")), None)


def _announced(environment: bytes) -> str | None:
    for assignment in environment.split(b"\0"):
        if assignment.startswith(b"container="):
            return text(assignment.removeprefix(b"container="))
    return None


def _machine(traces: Traces) -> str | None:
    vendors = " ".join(filter(None, map(text, traces.dmi.values())))
    for mark, identifier in _DMI:
        if mark in vendors:
            return identifier
    if text(traces.hypervisor) == "xen":
        return "xen"
    if traces.compatible is not None:
        return "xen" if b"xen" in traces.compatible else "kvm"
    return "vm-other" if _has_hypervisor_flag(traces.cpuinfo) else None


def _has_hypervisor_flag(cpuinfo: bytes) -> bool:
    """x86 processors tell their guests so (CPUID 1, ECX bit 31)."""
    start = cpuinfo.find(b"\nflags")
    end = cpuinfo.find(b"\n", start + 1)
    return start >= 0 and b"hypervisor" in cpuinfo[start:end].split()
