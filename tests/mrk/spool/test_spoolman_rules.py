"""The stand-in for Spoolman answers as the real one did."""

import json
from pathlib import Path

import pytest

from tests.fakes.spoolman_rules import SpoolmanRules

RECORDED = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "data/spoolman/http.jsonl").read_text().splitlines()
]
# What the server computes is left out.
COMPUTED = {"used_length", "remaining_weight", "remaining_length"}


def test_answers_as_recorded():
    rules = SpoolmanRules()
    compared = 0
    for one in RECORDED:
        if one["method"] == "POST" and one["path"] == "/api/v1/spool":
            spool = one["answer"]
            rules.spools[spool["id"]] = {k: v for k, v in spool.items() if k not in COMPUTED}
            continue
        body = one.get("body_text")
        if body is None:
            body = json.dumps(one["json"]) if "json" in one else ""
        rules.now = lambda one=one: (one.get("answer") or {}).get("last_used")
        got = rules.answer(one["method"], one["path"], body.encode(), one["type"] or "")
        assert got.status == one["status"], one
        assert got.content_type == one["content_type"], one
        answer = one.get("answer")
        if answer is None:
            continue
        told = json.loads(got.body)
        if one["path"].endswith("/info"):
            assert told.items() <= answer.items()
        elif "used_weight" in answer:
            assert {k: told.get(k) for k in answer} == {
                k: pytest.approx(v, rel=1e-12) if isinstance(v, float) else v
                for k, v in answer.items()
            }, one
            assert told.keys() == answer.keys(), one
        else:
            assert told == answer, one
        compared += 1
    assert compared > 70
