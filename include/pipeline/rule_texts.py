"""Where the text of a draft comes from: given as it stands, or a file of this release."""

from __future__ import annotations

import re

from include.governance.errors import ChangeRefused
from include.settings import settings

_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")


def rule_text(given: str) -> str:
    """The text of a rule: the one given, or that of ``include/sql/drafts/<id>.sql`` or ``include/sql/rules/<id>.sql``.

    Raises
    ------
    ChangeRefused
        There is no such file.
    """
    given = given.strip()
    if "\n" in given:
        return f"{given}\n"
    rules = settings().rules_dir
    if _ID.fullmatch(given):
        for folder in (rules.parent / "drafts", rules):
            if (path := folder / f"{given}.sql").exists():
                return path.read_text(encoding="utf-8")
    raise ChangeRefused(
        f"expected the text of a rule, or the name of a file in include/sql/drafts or include/sql/rules, got "
        f"{given!r}; give the whole text, header included"
    )
