"""For every test of the run: planted secrets are looked for in all that was said.

And each notification is held to its declaration.
"""

import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests import notification_watch
from tests.secrets_watch import WATCH, WatchedLog, heard

# A busy machine takes its time; that says nothing of what is tested.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# A change is not to fail for an example that has nothing to do with it. Others are looked for with
# `--hypothesis-profile random`.
settings.register_profile("mrk", _PATIENT, derandomize=True)
settings.register_profile("random", _PATIENT)
settings.load_profile("mrk")

_log = WatchedLog(WATCH)
_findings: list[str] = []


def pytest_configure() -> None:
    logging.getLogger().addHandler(_log)
    notification_watch.watch_encoding()


def pytest_unconfigure() -> None:
    logging.getLogger().removeHandler(_log)
    WATCH.close()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    heard(f"standard output of {report.nodeid}", report.capstdout)
    heard(f"standard error of {report.nodeid}", report.capstderr)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    _findings.extend(WATCH.findings())
    _findings.extend(notification_watch.faults)
    # One of several processes hands its findings to the one that started it.
    handed_over = getattr(session.config, "workeroutput", None)
    if handed_over is not None:
        handed_over["findings"] = _findings
    elif _findings:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _findings.extend(getattr(node, "workeroutput", {}).get("findings", ()))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _findings:
        terminalreporter.section(
            "planted secrets, or notifications unlike their declaration", red=True
        )
        for finding in _findings:
            terminalreporter.line(finding)
