"""Where releases come from: places that are none, and servers that are no web servers."""

import socket
import threading

import pytest

from mrk.errors import MrkError
from nurseries.installation.release_source import ReleaseSource


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("ftp://example.org/mrk", r"expected an http\(s\) address or a folder"),
        ("https://[example.org/mrk", "Invalid IPv6 URL"),
        ("http://127.0.0.1:x/", "nonnumeric port"),
        ("/nowhere/at/all", "No such file"),
    ],
)
def test_places_that_are_none(place: str, reason: str) -> None:
    with pytest.raises(MrkError, match=reason):
        ReleaseSource(place, "key").look()


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.2\r\n", b""])
def test_what_is_no_web_server(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with listener.accept()[0] as stream:
                stream.recv(65536)
                stream.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        place = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(MrkError, match=place):
            ReleaseSource(place, "key").look()
        thread.join()
