"""Requirements, packages of the system and their conditions."""

import json

import pytest

from mrk.updates.dependencies import (
    DependencyList,
    HostDistribution,
    distribution,
    holds,
    listed_packages,
    requirements,
    script_packages,
    without,
)

PI = HostDistribution("raspbian", ("debian",), "12", "raspberry-pi")
UBUNTU = HostDistribution("ubuntu", ("debian",), "24.10")


def test_requirements():
    text = (
        "# all\nthing==1.0 # pinned\n--extra-index-url https://x\n-r more.txt\n\nother \\\n >=2\n"
    )
    assert requirements(text) == {"thing==1.0", "other   >=2"}
    assert requirements("a==1 --hash=sha256:00 --hash=sha256:11\n") == {"a==1"}


def test_only_new_ones_matter():
    old = DependencyList(frozenset({"a", "b"}), ("x",))
    assert not DependencyList(frozenset({"a"}), ()).has_new_requirements(old)
    assert DependencyList(frozenset({"a", "c"}), ()).has_new_requirements(old)
    assert DependencyList(packages=("x", "y")).new_packages(old) == ("y",)


def test_a_script():
    text = (
        'PKGLIST="virtualenv python-dev"\n  PKGLIST="${PKGLIST} libffi-dev -y bad;name"\nX="no"\n'
    )
    assert script_packages(text) == ("virtualenv", "python-dev", "libffi-dev")


def test_a_list_for_this_distribution():
    listed = {
        "debian": [
            "libsodium-dev",
            "iw; distro_id == 'ubuntu' and distro_version >= '24.10'",
            'python3-libcamera; vendor == "raspberry-pi"',
            "--option",
        ],
        "arch": ["nothing"],
    }
    data = json.dumps(listed).encode()
    assert listed_packages(data, PI) == ("libsodium-dev", "python3-libcamera")
    assert listed_packages(data, UBUNTU) == ("libsodium-dev", "iw")
    assert listed_packages(data, HostDistribution("fedora")) == ()


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("distro_version < '24.9'", False),
        ("distro_version >= '24.9'", True),
        ("distro_id == 'debian' or distro_id == 'ubuntu'", True),
        ("distro_id != 'ubuntu' and vendor == '' or vendor == 'x'", False),
    ],
)
def test_conditions(condition, found):
    assert holds(condition, UBUNTU) is found


@pytest.mark.parametrize("condition", ["", "distro_id", "__import__('os') == 'x'", "a == 'b'"])
def test_conditions_that_are_none(condition):
    with pytest.raises(ValueError, match="not a condition"):
        holds(condition, PI)


@pytest.mark.parametrize("data", [b"", b"[]", b'{"debian": 5}', b'{"debian": [5]}'])
def test_lists_that_are_none(data):
    with pytest.raises(ValueError, match="list of system packages"):
        listed_packages(data, PI)


def test_this_distribution():
    found = distribution('ID="ubuntu"\nID_LIKE=debian\nVERSION_ID="24.10"\n', is_raspberry_pi=False)
    assert found == UBUNTU


def test_excluded_names():
    environ = {"MOONRAKER_EXCLUDED_PKGS": "a, c"}
    assert without(("a", "b", "c"), environ) == ("b",)
