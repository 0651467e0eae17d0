"""Secrets that somebody writes into a log line all the same."""

import io
import json
import logging

from config.secret import Hidden
from nurseries.log.daemon_log import LogOptions, open_log

logger = logging.getLogger("tests.log")


def test_no_line_and_no_traceback_shows_a_secret(tmp_path):
    path, console = tmp_path / "logs" / "moonraker.log", io.StringIO()
    with open_log(LogOptions(path, console=console)) as log:
        logger.info("hunter2-before")
        hidden = Hidden(["hunter2 &Co", "x" * 100])
        log.hide(hidden.redact)
        logger.info("connect with %s", "hunter2 &Co")
        logger.info("GET http://x/?password=%s", "hunter2%20%26Co")
        logger.info("%s", "y" * 15_950 + "x" * 100)
        hidden.add("another one")
        try:
            raise ValueError("bad answer to another one")
        except ValueError:
            logger.exception("failed")
    said = path.read_text()
    assert said == console.getvalue()
    assert "hunter2-before" in said
    for secret in ("hunter2 ", "hunter2%", "another one", "xxx"):
        assert secret not in said
    assert "connect with <hidden>" in said
    assert "bad answer to <hidden>" in said


def test_a_restart_hides_the_old_and_the_new(tmp_path):
    path = tmp_path / "log"
    with open_log(LogOptions(path, structured=True, console=io.StringIO())) as log:
        for number in range(3):
            log.hide(Hidden([f"secret-{number}"]).redact)
        logger.info("secret-0 secret-1 secret-2")
    # Two generations at most are alive at once.
    assert json.loads(path.read_text())["message"] == "secret-0 <hidden> <hidden>"
