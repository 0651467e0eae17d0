import socket
from pathlib import Path

import pytest

from nurseries.root.own_names import own_names, search_domains


@pytest.mark.parametrize(
    ("text", "domains"),
    [
        ("nameserver 192.168.1.1\nsearch fritz.box\n", ["fritz.box"]),
        (
            "domain one.example\nsearch  two.example three.example.\n",
            ["two.example", "three.example"],
        ),
        ("# search no\nsearch\n", []),
        ("search .\n", []),
    ],
)
def test_search_domains(tmp_path: Path, text: str, domains: list[str]) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text(text)
    assert search_domains(file) == domains
    short = socket.gethostname().partition(".")[0]
    assert own_names(file) == [socket.gethostname(), *(f"{short}.{one}" for one in domains)]


def test_without_the_file_there_is_the_host_name(tmp_path: Path) -> None:
    assert own_names(tmp_path / "none") == [socket.gethostname()]
    assert own_names(tmp_path) == [socket.gethostname()]
