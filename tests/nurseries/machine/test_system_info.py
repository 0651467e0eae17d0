import os
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from mrk.errors import ClientError
from mrk.machine.netlink import parse_addresses, parse_links
from nurseries.machine.endpoints import SystemInfoAnswer
from nurseries.machine.hardware import Uname
from nurseries.machine.host_tree import HostTree
from nurseries.machine.netlink_socket import read_addresses, read_links
from nurseries.machine.system_info import SystemInfoReader
from tests.fakes import netlink
from tests.fakes.machine_tree import unpack
from tests.fakes.service_facts import FakeServiceFacts


def reader(root: Path, **given: Any) -> SystemInfoReader:
    return SystemInfoReader(
        FakeServiceFacts(),
        tree=HostTree(root),
        read_links=given.get("read_links", list),
        read_addresses=given.get("read_addresses", list),
        uname=lambda: Uname("6.6.31+rpt-rpi-v8", "aarch64"),
        deadline_s=given.get("deadline_s", 5.0),
    )


async def info(of: SystemInfoReader) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(await of.read())
    return found


async def test_a_raspberry_pi(tmp_path: Path) -> None:
    found = await info(
        reader(
            unpack("raspberry_pi", tmp_path),
            read_links=lambda: parse_links(netlink.link(2, "eth0") + netlink.can_link(3, "can0")),
            read_addresses=lambda: parse_addresses(netlink.address(2, bytes([10, 0, 0, 21]))),
        )
    )
    python = found.pop("python")
    assert python["version"][0] == 3
    assert len(python["version"]) == 5
    assert "\n" not in python["version_string"]
    bits = found["cpu_info"].pop("bits")
    assert bits in ("32bit", "64bit")
    assert found == {
        "provider": "systemd_dbus",
        "cpu_info": {
            "cpu_count": 4,
            "processor": "aarch64",
            "cpu_desc": "",
            "serial_number": "10000000a1b2c3d4",
            "hardware_desc": "",
            "model": "Raspberry Pi 4 Model B Rev 1.4",
            "total_memory": 3884340,
            "memory_units": "kB",
        },
        "sd_info": {
            "manufacturer_id": "03",
            "manufacturer": "Sandisk",
            "oem_id": "5344",
            "product_name": "SU32G",
            "product_revision": "8.0",
            "serial_number": "0046ba46",
            "manufacturer_date": "4/2018",
            "capacity": "29.7 GiB",
            "total_bytes": 31914983424,
        },
        "distribution": {
            "name": "Debian GNU/Linux 12 (bookworm)",
            "id": "debian",
            "version": "12",
            "version_parts": {"major": "12", "minor": "", "build_number": ""},
            "like": "",
            "codename": "bookworm",
            "release_info": {
                "name": "Debian GNU/Linux",
                "version_id": "12",
                "id": "debian",
                "codename": "bookworm",
            },
            "kernel_version": "6.6.31+rpt-rpi-v8",
        },
        "virtualization": {"virt_type": "none", "virt_identifier": "none"},
        "network": {
            "eth0": {
                "mac_address": "02:00:00:aa:bb:cc",
                "ip_addresses": [
                    {"family": "ipv4", "address": "10.0.0.21", "is_link_local": False}
                ],
            }
        },
        "canbus": {"can0": {"tx_queue_len": 1024, "bitrate": 1000000, "driver": "gs_usb"}},
        "available_services": ["klipper", "moonraker"],
        "service_state": {"klipper": {"active_state": "active", "sub_state": "running"}},
        "instance_ids": {"moonraker": "moonraker", "klipper": "klipper-2"},
    }


async def test_a_pc(tmp_path: Path) -> None:
    found = await info(reader(unpack("pc", tmp_path)))
    assert found["cpu_info"]["cpu_desc"] == "Intel(R) Core(TM) i5-6500T CPU @ 2.50GHz"
    assert found["cpu_info"]["cpu_count"] == 2
    assert found["sd_info"] == {}
    assert found["distribution"]["version_parts"] == {
        "major": "22", "minor": "04", "build_number": "",
    }  # fmt: skip
    assert found["virtualization"]["virt_type"] == "none"


async def test_an_allwinner_board(tmp_path: Path) -> None:
    found = await info(reader(unpack("allwinner", tmp_path)))
    assert found["cpu_info"]["model"] == "BigTreeTech CB1"
    assert found["cpu_info"]["serial_number"] == "33802000"
    assert found["sd_info"]["manufacturer"] == "Samsung"
    assert found["distribution"]["name"] == "Armbian 24.2.1 bookworm"


async def test_an_empty_host_has_every_member(tmp_path: Path) -> None:
    found = await info(reader(tmp_path))
    assert found["sd_info"] == found["network"] == found["canbus"] == {}
    assert found["cpu_info"]["total_memory"] is None
    assert found["distribution"]["name"] == ""


async def test_a_hostile_host_has_missing_fields_and_no_error(tmp_path: Path) -> None:
    root = unpack("raspberry_pi", tmp_path)
    (root / "proc/cpuinfo").write_bytes(os.urandom(2_000_000))
    (root / "proc/meminfo").write_bytes(b"\0" * 100_000)
    (root / "sys/block/mmcblk0/device/cid").unlink()
    os.mkfifo(root / "sys/block/mmcblk0/device/cid")
    (root / "etc/os-release").unlink()
    (root / "etc/os-release").mkdir()
    found = await info(reader(root))
    assert found["sd_info"] == {}
    assert found["cpu_info"]["total_memory"] is None
    assert found["distribution"]["id"] == ""


async def test_hardware_is_read_once_and_networks_each_time(tmp_path: Path) -> None:
    root = unpack("pc", tmp_path)
    links = [netlink.can_link(3, "can0")]
    of = reader(root, read_links=lambda: parse_links(b"".join(links)))
    assert list((await info(of))["canbus"]) == ["can0"]
    (root / "proc/cpuinfo").unlink()
    links.append(netlink.can_link(4, "can1"))
    again = await info(of)
    assert list(again["canbus"]) == ["can0", "can1"]
    assert again["cpu_info"]["cpu_count"] == 2


async def test_siblings_learn_whether_this_is_a_container(tmp_path: Path) -> None:
    root = unpack("pc", tmp_path)
    of = reader(root)
    assert not of.in_container()
    (root / ".dockerenv").touch()
    assert of.in_container()
    assert (await info(of))["virtualization"] == {
        "virt_type": "container", "virt_identifier": "docker",
    }  # fmt: skip
    (root / ".dockerenv").unlink()
    assert of.in_container()


async def test_a_cancelled_request_leaves_nobody_waiting(tmp_path: Path) -> None:
    reading, release = threading.Event(), threading.Event()

    def links() -> list[Any]:
        reading.set()
        release.wait(5)
        return []

    of = reader(unpack("pc", tmp_path), read_links=links)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(info, of)
            await trio.to_thread.run_sync(reading.wait, 5)
            nursery.cancel_scope.cancel()
    finally:
        release.set()
    with trio.fail_after(5):
        assert (await info(of))["network"] == {}


def test_the_answer_has_a_schema() -> None:
    assert msgspec.json.schema(SystemInfoAnswer)


async def test_this_host_can_be_described() -> None:
    of = SystemInfoReader(FakeServiceFacts())
    found = await info(of)
    assert found["cpu_info"]["cpu_count"] == os.cpu_count()
    assert found["distribution"]["kernel_version"] == os.uname().release
    assert found["cpu_info"]["total_memory"] > 0
    assert [link.name for link in read_links() if link.name == "lo"] == ["lo"]
    assert bytes([127, 0, 0, 1]) in [address.packed for address in read_addresses()]


async def test_a_reading_that_hangs_ends_with_what_to_do(tmp_path: Path) -> None:
    release = threading.Event()

    def links() -> list[Any]:
        release.wait(5)
        return []

    of = reader(unpack("pc", tmp_path), read_links=links, deadline_s=0.1)
    try:
        with pytest.raises(ClientError, match="dmesg") as refused:
            await info(of)
        assert refused.value.status == 503
    finally:
        release.set()
