"""The page that front ends are measured with: its files, and how its answers are read."""

import socket
import threading
from pathlib import Path

import pytest

from benchmarks.clients import Lost
from benchmarks.front_end_page import FILES, MEGABYTE, fetch, make_front_end


def test_files_have_the_recorded_sizes(tmp_path: Path) -> None:
    make_front_end(tmp_path)
    for path, size in (*FILES, (MEGABYTE, 1_000_000)):
        assert (tmp_path / path[1:]).stat().st_size == size
    assert (tmp_path / "assets/vuetify-DeQXvzDX.js.gz").stat().st_size < 1_192_433 / 2
    assert not (tmp_path / f"{MEGABYTE[1:]}.gz").exists()


def fetched(answer: bytes) -> int:
    near, far = socket.socketpair()

    def send() -> None:
        far.sendall(answer)
        far.shutdown(socket.SHUT_WR)

    with near, far:
        sender = threading.Thread(target=send)
        sender.start()
        try:
            return fetch(near, ["/"])
        finally:
            sender.join()


def test_answers() -> None:
    assert fetched(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345") == 5
    chunks = b"5\r\n12345\r\n0\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert fetched(head + chunks) == len(chunks)
    with pytest.raises(Lost, match="404"):
        fetched(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(Lost, match="missing"):
        fetched(head + b"5\r\n12345\r\n")
