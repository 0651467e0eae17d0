"""Tests of updates end processes, not the power: nothing is waited for until it is on the disk."""

import os

import pytest


@pytest.fixture(autouse=True)
def _no_sync(monkeypatch):
    monkeypatch.setattr(os, "sync", lambda: None)
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
