"""What the releasing tool signs, the host's openssl verifies, and nothing else."""

import stat

import pytest

from mrk.errors import MrkError
from nurseries.installation.signatures import check_signature
from releasing.keys import make_key, public_text, read_key, signature

DOCUMENT = b'{"version": "1"}'


@pytest.fixture
def key(tmp_path):
    make_key(tmp_path / "key.pem")
    return read_key(tmp_path / "key.pem")


def test_a_key_is_the_owners_and_is_not_replaced(tmp_path):
    make_key(tmp_path / "key.pem")
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        make_key(tmp_path / "key.pem")


def test_good(key):
    check_signature(DOCUMENT, signature(key, DOCUMENT), public_text(key))


def test_another_document_or_key(key, tmp_path):
    make_key(tmp_path / "other.pem")
    other = read_key(tmp_path / "other.pem")
    for document, signer in ((DOCUMENT + b" ", key), (DOCUMENT, other)):
        signed = signature(signer, DOCUMENT)
        with pytest.raises(MrkError, match="has no good signature"):
            check_signature(document, signed, public_text(key))


@pytest.mark.parametrize(
    ("signed", "told"),
    [(b"***", "is no base64"), (b"QQ==", "has a wrong length"), (b"A" * 86 + b"==", "no good")],
)
def test_junk(key, signed, told):
    with pytest.raises(MrkError, match=told):
        check_signature(DOCUMENT, signed, public_text(key))


def test_without_openssl(key, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MrkError, match="no signature can be verified: openssl cannot be run"):
        check_signature(DOCUMENT, signature(key, DOCUMENT), public_text(key))
