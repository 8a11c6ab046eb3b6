"""Every route the desk has, and no route at all: the headers that tell a browser what a page may do."""

from __future__ import annotations

import uuid

import pytest

from plugins.fraud_desk.app import make_app
from tests.desk.bank import MemoryBank
from tests.desk.conftest import PREFIX, SignIn
from tests.desk.routes import filled, routes_of

_ALLOWED = {"'none'", "'self'", "data:"}


def _sources(policy: str) -> dict[str, set[str]]:
    return {words[0]: set(words[1:]) for part in policy.split(";") if (words := part.split())}


@pytest.mark.parametrize("user", ["admin", None])
def test_no_route_answers_without_them(bank: MemoryBank, sign_in: SignIn, user: str | None) -> None:
    browser = sign_in(user)
    looked_at = set()
    for method, path in routes_of(make_app(bank)):
        if method in ("HEAD", "OPTIONS"):
            continue
        answer = browser.request(method, filled(path, uuid.uuid4()))
        where = f"{method} {path}: {answer.status_code}"
        sources = _sources(answer.headers.get("content-security-policy", ""))
        if "sandbox" not in sources:  # a report of ours, shown as a document that may do nothing
            assert sources.get("default-src") == {"'none'"}, where
            assert sources.get("base-uri") == {"'none'"}, where
            assert sources.get("form-action") == {"'self'"}, where
        assert sources.get("frame-ancestors", set()) <= {"'self'", "'none'"}, where
        assert "script-src" not in sources or sources["script-src"] == {"'self'"}, where
        for name, values in sources.items():
            if name.endswith("-src"):
                extra = {value for value in values - _ALLOWED if not value.startswith("'sha256-")}
                assert extra == set(), f"{where}: {name}"
        assert answer.headers["x-content-type-options"] == "nosniff", where
        assert answer.headers["referrer-policy"] in ("same-origin", "no-referrer"), where
        assert answer.headers["cross-origin-opener-policy"] == "same-origin", where
        assert "no-store" in answer.headers["cache-control"] or answer.status_code == 200, where
        looked_at.add(path)
    assert len(looked_at) > 30
    assert browser.get(f"{PREFIX}/no/such/page").headers["x-content-type-options"] == "nosniff"
