"""SECURITY.md names commands and documents: each of them has to be there."""

from __future__ import annotations

import re

from include.settings import PROJECT

TEXT = (PROJECT / "SECURITY.md").read_text()
#: Written elsewhere: how servers are secured.
ELSEWHERE = {"docs/security-profile.md"}


def test_every_test_it_names_is_there():
    named = set(re.findall(r"tests/[\w/]+(?:\.py)?", TEXT))
    assert len(named) > 15
    assert sorted(path for path in named if not (PROJECT / path).exists()) == []


def test_every_make_target_it_names_is_there():
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", TEXT)) - targets == set()


def test_every_document_it_names_is_there():
    named = set(re.findall(r"\]\(([^)]+\.md)\)", TEXT)) | set(re.findall(r"`(docs/[\w/-]+\.md)`", TEXT))
    assert named
    assert sorted(path for path in named - ELSEWHERE if not (PROJECT / path).exists()) == []
