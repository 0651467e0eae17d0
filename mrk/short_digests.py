"""Digests of short texts, by the functions that Python itself brings.

`hashlib` would load OpenSSL for them, 4 MB, which is faster for long input alone.
"""

import importlib
from typing import Protocol


class ShortDigest(Protocol):
    """What a hash function returns."""

    def digest(self) -> bytes: ...

    def hexdigest(self) -> str: ...


class DigestFunction(Protocol):
    """As those of `hashlib`."""

    def __call__(self, data: bytes, *, usedforsecurity: bool = True) -> ShortDigest: ...


def _first(name: str, *modules: str) -> DigestFunction:
    """The function from the first of the modules that this Python was built with."""
    for module in modules:
        try:
            found: DigestFunction = getattr(importlib.import_module(module), name)
        except ImportError:
            continue
        return found
    raise ImportError(f"this Python has no {name}")


md5 = _first("md5", "_md5", "hashlib")
sha1 = _first("sha1", "_sha1", "hashlib")
sha256 = _first("sha256", "_sha2", "_sha256", "hashlib")  # `_sha256` before Python 3.12
