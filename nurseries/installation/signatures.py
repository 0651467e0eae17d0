"""Verifies the Ed25519 signature of a release with the host's `openssl`.

That is the smallest thing that is well kept: every Debian has it (ca-certificates needs it), the
distribution mends it, and no library of several megabytes joins the daemon for one look a day.
"""

import base64
import binascii
import tempfile
from pathlib import Path

from mrk.errors import MrkError
from nurseries.installation.target_system import run_command

_SIGNATURE_BYTES = 64


def check_signature(document: bytes, signature: bytes, public_key: str) -> None:
    """`signature` is base64, `public_key` PEM; raises `MrkError` unless it is a good one."""
    try:
        raw = base64.b64decode(signature.strip(), validate=True)
    except binascii.Error as exc:
        raise MrkError("the signature of release.json is no base64") from exc
    if len(raw) != _SIGNATURE_BYTES:
        raise MrkError("the signature of release.json has a wrong length")
    with tempfile.TemporaryDirectory(prefix="mrk-signature-") as work:
        folder = Path(work)
        (folder / "key").write_text(public_key)
        (folder / "document").write_bytes(document)
        (folder / "signature").write_bytes(raw)
        try:
            run_command(
                ["openssl", "pkeyutl", "-verify", "-pubin", "-rawin",
                 "-inkey", str(folder / "key"), "-in", str(folder / "document"),
                 "-sigfile", str(folder / "signature")]
            )  # fmt: skip
        except MrkError as exc:
            if "cannot be run" in str(exc):
                raise MrkError(f"no signature can be verified: {exc}") from exc
            raise MrkError("release.json has no good signature of this mrk's maker") from exc
