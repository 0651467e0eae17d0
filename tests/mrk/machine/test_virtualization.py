import pytest

from mrk.machine.virtualization import Traces, virtualization

GUEST = b"processor\t: 0\nflags\t\t: fpu hypervisor lm\nbogomips: 1\n"


@pytest.mark.parametrize(
    ("traces", "kind", "identifier"),
    [
        (Traces(), "none", "none"),
        (Traces(container=b"systemd-nspawn\n"), "container", "systemd-nspawn"),
        (Traces(container=b"homemade\n"), "container", "container-other"),
        (Traces(environment=b"PATH=/bin\0container=lxc\0"), "container", "lxc"),
        (Traces(docker_mark=True, cpuinfo=GUEST), "container", "docker"),
        (Traces(podman_mark=True), "container", "podman"),
        (Traces(kernel_release="5.15.90.1-microsoft-standard-WSL2"), "container", "wsl"),
        (Traces(cgroup=b"1:name=systemd:/docker/0123\n"), "container", "docker"),
        (Traces(cgroup=b"0::/init.scope\n"), "none", "none"),
        (Traces(dmi={"sys_vendor": b"QEMU\n"}, cpuinfo=GUEST), "vm", "qemu"),
        (Traces(dmi={"sys_vendor": b"QEMU\n", "product_name": b"KVM\n"}), "vm", "kvm"),
        (Traces(dmi={"sys_vendor": b"innotek GmbH\n", "bios_vendor": None}), "vm", "oracle"),
        (Traces(dmi={"sys_vendor": b"Dell Inc.\n", "product_name": b"\xff"}), "none", "none"),
        (Traces(hypervisor=b"xen\n"), "vm", "xen"),
        (Traces(compatible=b"linux,kvm\0"), "vm", "kvm"),
        (Traces(cpuinfo=GUEST), "vm", "vm-other"),
        (Traces(cpuinfo=b"processor: 0\nflags: fpu\n"), "none", "none"),
        (Traces(cpuinfo=b"\xff\nflags"), "none", "none"),
    ],
)
def test_traces(traces: Traces, kind: str, identifier: str) -> None:
    found = virtualization(traces)
    assert (found.virt_type, found.virt_identifier) == (kind, identifier)
