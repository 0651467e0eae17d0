"""The watch itself: a run in which a secret was said fails."""

import logging
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from tests.secrets_watch import LIMIT_BYTES, Watch, WatchedLog

ROOT = Path(__file__).parents[1]


@pytest.fixture
def watch():
    watch = Watch()
    yield watch
    watch.close()


def test_what_was_said_before_and_after_it_was_planted(watch):
    assert watch.findings() == []
    watch.hear("file a", b"... a sesame-open ...")
    watch.plant("sesame-open", may_be_told=False)
    watch.plant("two words & more", may_be_told=True)
    watch.hear("log of b", b"?x=two%20words%20%26%20more")
    watch.hear("reply c", b"two words & more")
    assert watch.findings() == ["secret sesam... in file a", "secret two%20words%... in log of b"]


def test_tracebacks_are_heard(watch):
    watch.plant("sesame-open", may_be_told=False)
    logger = logging.getLogger("tests.watched")
    handler = WatchedLog(watch)
    logger.addHandler(handler)
    try:
        raise ValueError("it was sesame-open")
    except ValueError:
        logger.exception("failed")
    finally:
        logger.removeHandler(handler)
    assert watch.findings() == ["secret sesam... in log of tests.watched"]


def test_short_texts_are_refused(watch):
    assert LIMIT_BYTES > 0
    with pytest.raises(ValueError, match="too short"):
        watch.plant("short", may_be_told=False)


def test_a_run_fails_when_a_secret_was_said(tmp_path):
    """Each way of saying it, in a run of its own with this suite's conftest."""
    secret = secrets.token_hex(8)
    (tmp_path / "test_it.py").write_text(
        "import logging, sys\n"
        "from tests.secrets_watch import heard, planted\n"
        f"secret = planted({secret!r})\n"
        "def test_print(): print('out', secret)\n"
        "def test_error(): print(secret, file=sys.stderr)\n"
        "def test_log(): logging.getLogger('x').warning('%s', secret)\n"
        "def test_reply(): heard('reply', secret)\n"
    )
    options = ("-q", "-p", "no:mrk", "-p", "tests.conftest", "-c", str(ROOT / "pyproject.toml"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "4 passed" in done.stdout
    for place in ("standard output of", "standard error of", "log of x", "in reply"):
        assert place in done.stdout
    assert secret not in done.stdout
