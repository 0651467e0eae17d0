"""Tests of updates end processes, not the power: nothing is waited for until it is on the disk."""

import os

import pytest

from config import whole_file
from tests.fakes.git_repos import ENVIRONMENT


@pytest.fixture(autouse=True)
def _no_sync(monkeypatch):
    monkeypatch.setattr(whole_file, "_syncfs", lambda _descriptor: True)
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture(autouse=True)
def _plain_git(monkeypatch):
    """Whatever git is set to on this machine."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
