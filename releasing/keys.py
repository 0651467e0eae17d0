"""The maker's Ed25519 key, with `cryptography`: made, read, and used to sign."""

import base64
import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def make_key(file: Path) -> None:
    """Write a new private key, readable by its owner alone; an old one is never replaced."""
    text = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as opened:
        opened.write(text)


def read_key(file: Path) -> Ed25519PrivateKey:
    """Raises ValueError for another kind of key."""
    key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{file} holds no Ed25519 key")
    return key


def public_text(key: Ed25519PrivateKey) -> str:
    """The public key, as installed releases hold it."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def signature(key: Ed25519PrivateKey, document: bytes) -> bytes:
    """What stands in `release.json.sig`."""
    return base64.b64encode(key.sign(document)) + b"\n"
