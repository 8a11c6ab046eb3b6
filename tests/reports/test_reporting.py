"""Figures of days and months, against the same counted row by row."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest

from include.pipeline.reporting import Sources, build, due_periods
from include.pipeline.reporting_scan import NO_CUSTOMER, UNKNOWN
from include.reports.archive import read_report, stored_reports
from include.reports.figures import Report, added
from include.reports.periods import Kind, Period, PeriodRefused
from include.stores.lake.files import Lake
from include.stores.lake.ledger import Stage, batch_folder
from tests.pipeline.audited_bank import BATCHES, AuditedBank, copy_of, template
from tests.reports.small_bank import MONDAY, SEGMENTS, SmallBank, busy, money

LATER = MONDAY + timedelta(days=40)
SOURCES = Sources(segment_of=lambda ids: {name: SEGMENTS[name] for name in ids if name in SEGMENTS})
DAY = Period.day(date(2026, 11, 3))
MONTH = Period.month(date(2026, 11, 3))


each_bank = pytest.mark.parametrize(
    ("seed", "period"),
    [*((seed, DAY) for seed in range(5)), (0, MONTH)],
    ids=lambda value: getattr(value, "name", value),
)


def made(lake: Lake, period: Period, now=LATER) -> Report:
    build(lake, period, SOURCES, now)
    report = read_report(lake, period)
    assert report is not None
    return report


@each_bank
def test_activity_is_that_of_the_rows(lake: Lake, seed: int, period: Period) -> None:
    bank = busy(lake, seed)
    rows, found = bank.within(period.since, period.until), made(lake, period).activity
    settled = sum((counts for at, counts in bank.settled if period.since <= at < period.until), Counter())
    assert rows
    assert (found.accepted, found.duplicates, found.dead_lettered) == (
        settled["accepted"],
        settled["duplicates"],
        settled["dead_lettered"],
    )
    assert found.scored == len(rows)
    assert found.reviews == sum(row["decision"] == "REVIEW" for row in rows)
    assert found.total.amounts == money(rows)
    for segment, total in found.segments.items():
        own = [row for row in rows if _segment(row) == segment]
        assert (total.transactions, total.amounts) == (len(own), money(own))
    alerts = Counter((row["severity"], row["typology"]) for row in rows if row["decision"] == "ALERT")
    assert {(one.severity, one.typology): one.alerts for one in found.alerts} == alerts
    assert sum(point.transactions for point in found.points) == len(rows)
    assert sum(point.alerts for point in found.points) == found.alerted


def _segment(row: dict) -> str:
    return NO_CUSTOMER if row["customer_id"] is None else SEGMENTS.get(row["customer_id"], UNKNOWN)


@each_bank
def test_outcome_is_what_the_newest_labels_say(lake: Lake, seed: int, period: Period) -> None:
    bank = busy(lake, seed)
    outcome, fraud = made(lake, period).outcome, bank.fraud(period.since, period.until)
    caught = [row for row in fraud if row["decision"] == "ALERT"]
    missed = [row for row in fraud if row["decision"] != "ALERT"]
    newest = dict(bank.verdicts)
    false = [
        row
        for row in bank.within(period.since, period.until)
        if row["decision"] == "ALERT" and newest.get(row["transaction_id"]) is False
    ]
    assert (outcome.fraud_alerts, outcome.false_alerts) == (len(caught), len(false))
    assert outcome.prevented.amounts == added([money(caught)])
    assert outcome.missed.amounts == added([money(missed)])
    for loss in outcome.losses:
        name = "" if loss.typology == "none suspected" else loss.typology
        assert loss.prevented.amounts == added([money([row for row in caught if row["typology"] == name])])
        assert loss.missed.amounts == added([money([row for row in missed if row["typology"] == name])])


def test_a_real_bank_adds_up(tmp_path_factory, tmp_path) -> None:
    bank: AuditedBank = copy_of(template(tmp_path_factory.getbasetemp() / "audited"), tmp_path / "bank")
    moment = bank.ledger.manifest(Stage.SCORED, 0)["scored_at"]
    period = Period.parse("daily", moment[:10])
    rows = [row for batch in range(BATCHES) for row in bank.scored(batch).to_pylist()]
    rows = [row for row in rows if period.since <= row["scored_at"] < period.until]
    found = made(bank.lake, period, period.until).activity
    assert found.scored == len(rows) > 0
    assert found.total.amounts == money(rows)
    assert found.alerted == sum(row["decision"] == "ALERT" for row in rows)


def test_a_month_is_the_sum_of_what_is_stored_of_its_days(bank: SmallBank) -> None:
    build(bank.lake, DAY, SOURCES, LATER)
    for row in bank.within(DAY.since, DAY.until):
        bank.lake.delete_file(f"{batch_folder(Stage.SCORED, row['batch'])}/data.parquet")
    month = made(bank.lake, MONTH).activity
    assert month.total.amounts == money(bank.rows)
    assert len(month.points) == 29  # the 2nd to the 30th: the 1st lies before the first batch


def test_a_month_counts_labels_anew(bank: SmallBank) -> None:
    before = made(bank.lake, MONTH).outcome
    missed = next(row for row in bank.rows if row["decision"] == "ALLOW")
    verdict = not dict(bank.verdicts).get(missed["transaction_id"], False)
    bank.tell(LATER, (missed["transaction_id"], verdict))
    after = made(bank.lake, MONTH).outcome
    change = after.missed.amounts[missed["currency"]] - before.missed.amounts.get(
        missed["currency"], Decimal(0)
    )
    assert change == (missed["amount"] if verdict else -missed["amount"])


def test_the_same_period_again_replaces_its_report(bank: SmallBank) -> None:
    first = build(bank.lake, DAY, SOURCES, LATER)
    again = build(bank.lake, DAY, SOURCES, LATER + timedelta(hours=1))
    assert again.digest == first.digest
    assert stored_reports(bank.lake) == [again]
    assert bank.lake.names(again.folder) == ["report.html", "report.json", "report.pdf"]


def test_other_figures_are_another_version(bank: SmallBank) -> None:
    first = build(bank.lake, DAY, SOURCES, LATER)
    alert = next(row for row in bank.within(DAY.since, DAY.until) if row["decision"] == "ALERT")
    bank.tell(LATER, (alert["transaction_id"], not dict(bank.verdicts).get(alert["transaction_id"], False)))
    assert build(bank.lake, DAY, SOURCES, LATER).digest != first.digest


def test_a_day_that_is_not_over_is_marked_and_made_again_for_the_month(bank: SmallBank) -> None:
    noon = DAY.since + timedelta(hours=12)
    assert made(bank.lake, DAY, noon).so_far
    bank.batch(MONDAY + timedelta(days=4), [{"transaction_id": "late"}])
    month = made(bank.lake, MONTH)
    assert not month.so_far
    stored = read_report(bank.lake, DAY)
    assert stored is not None
    assert not stored.so_far


def test_a_month_so_far_ends_with_today(bank: SmallBank) -> None:
    now = DAY.since + timedelta(hours=12)
    month = made(bank.lake, MONTH, now)
    assert month.so_far
    assert [point.since.day for point in month.activity.points] == [2, 3]
    assert month.days_missing == (date(2026, 11, 1),)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("weekly", "2026-11-02"),
        ("daily", "2026-11"),
        ("monthly", "2026-13"),
        ("daily", "20261102"),
        ("daily", ""),
    ],
)
def test_names_of_periods(kind: str, name: str) -> None:
    with pytest.raises(PeriodRefused, match="expected"):
        Period.parse(kind, name)


def test_what_cannot_be_reported_on(bank: SmallBank, tmp_path) -> None:
    with pytest.raises(PeriodRefused, match="has not"):
        build(bank.lake, DAY, SOURCES, MONDAY)
    with pytest.raises(PeriodRefused, match="none yet"):
        build(Lake((tmp_path / "empty").as_uri()), DAY, SOURCES, LATER)


def test_what_retention_has_taken_is_not_reported_on_as_nothing(bank: SmallBank) -> None:
    before = build(bank.lake, DAY, SOURCES, LATER)
    last_of_day = max(row["batch"] for row in bank.within(DAY.since, DAY.until))
    for batch in range(last_of_day):
        for stage in (Stage.ACCEPTED, Stage.SCORED):
            bank.lake.delete_folder(batch_folder(stage, batch))
    with pytest.raises(PeriodRefused, match="retention"):
        build(bank.lake, DAY, SOURCES, LATER)
    assert stored_reports(bank.lake) == [before]
    assert [period.name for period in due_periods(bank.lake, MONTH.until)] == [
        f"2026-11-{day}" for day in range(24, 31)
    ]
    build(bank.lake, Period.day(date(2026, 11, 4)), SOURCES, LATER)


def test_due_is_what_is_over_and_has_no_final_report(bank: SmallBank) -> None:
    now = MONDAY + timedelta(days=2, minutes=30)  # the 4th
    assert [period.name for period in due_periods(bank.lake, now)] == ["2026-11-02", "2026-11-03"]
    build(bank.lake, DAY, SOURCES, now)
    assert [period.name for period in due_periods(bank.lake, now)] == ["2026-11-02"]
    december = due_periods(bank.lake, MONTH.until + timedelta(minutes=30))
    assert (december[-1].kind, december[-1].name) == (Kind.MONTHLY, "2026-11")
    assert len(december) == 8


def test_nothing_is_due_before_the_first_batch(lake: Lake) -> None:
    assert due_periods(lake, LATER) == []
