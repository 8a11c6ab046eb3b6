from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.governance.errors import ChangeRefused
from include.governance.rule_life import ChangeKind, RuleLife, Step
from include.stores.lake.files import Lake

WAY = [Step.DRAFT, Step.BACKTESTED, Step.SHADOW, Step.APPROVED, Step.LIVE]


@pytest.fixture
def life(lake: Lake) -> RuleLife:
    return RuleLife(lake, "a")


def take(life: RuleLife, step: Step, change: str = "run-1", kind: ChangeKind = ChangeKind.CHANGE) -> Step:
    match step:
        case Step.DRAFT:
            return life.draft(change, "ann", "text", 0.5, kind).step
        case Step.BACKTESTED:
            return life.backtested(change, "ann", {"hits": 3}).step
        case Step.SHADOW:
            return life.shadow(change, "ann", {}).step
        case Step.APPROVED:
            return life.approve(change, "bob").step
        case Step.LIVE:
            return life.live(change, "bob", {}).step
        case Step.RETIRED:
            return life.retired(change, "bob", {}).step
        case Step.REJECTED:
            return life.reject(change, "bob").step


def test_the_whole_way_with_who_and_when(life: RuleLife, lake: Lake) -> None:
    assert [take(life, step) for step in WAY] == WAY
    steps = RuleLife(lake, "a").steps()
    assert [(step.step, step.by) for step in steps] == list(zip(WAY, ["ann"] * 3 + ["bob"] * 2, strict=True))
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    assert {(step.text, step.share, step.author) for step in steps} == {("text", 0.5, "ann")}
    assert lake.names("rules/life/a")[0] == "000001.json"


def test_to_retire_has_no_shadow(life: RuleLife) -> None:
    way = [Step.DRAFT, Step.BACKTESTED, Step.APPROVED, Step.RETIRED]
    assert [take(life, step, kind=ChangeKind.RETIRE) for step in way] == way
    with pytest.raises(ChangeRefused, match="is to be retired"):
        take(life, Step.LIVE)


@pytest.mark.parametrize("reached", range(len(WAY)))
def test_no_step_can_be_left_out(lake: Lake, reached: int) -> None:
    life = RuleLife(lake, "a")
    for step in WAY[:reached]:
        take(life, step)
    for step in WAY[reached + 1 :]:
        with pytest.raises(
            ChangeRefused, match="check the draft first" if reached == 0 else "none can be left out"
        ):
            take(life, step)
    assert len(life.steps()) == reached


@pytest.mark.parametrize("approver", ["ann", " Ann ", "ANN"])
def test_the_author_does_not_approve(life: RuleLife, approver: str) -> None:
    for step in WAY[:3]:
        take(life, step)
    with pytest.raises(ChangeRefused, match="other than its author"):
        life.approve("run-1", approver)
    with pytest.raises(ChangeRefused, match="got nobody"):
        life.approve("run-1", " ")
    assert life.steps()[-1].step is Step.SHADOW


def test_a_newer_draft_overtakes(life: RuleLife) -> None:
    for step in WAY[:3]:
        take(life, step)
    take(life, Step.DRAFT, "run-2")
    for step in (Step.APPROVED, Step.REJECTED):
        with pytest.raises(ChangeRefused, match="run-2 by ann has overtaken it"):
            take(life, step)
    assert take(life, Step.BACKTESTED, "run-2") is Step.BACKTESTED


def test_what_is_live_is_not_rejected_and_what_is_rejected_does_not_go_on(life: RuleLife, lake: Lake) -> None:
    for step in WAY:
        take(life, step)
    with pytest.raises(ChangeRefused, match="retire it"):
        take(life, Step.REJECTED)
    other = RuleLife(lake, "b")
    for step in (*WAY[:3], Step.REJECTED, Step.REJECTED):
        take(other, step)
    with pytest.raises(ChangeRefused, match="none can be left out"):
        take(other, Step.APPROVED)


def test_a_draft_has_an_author_and_a_share(life: RuleLife) -> None:
    with pytest.raises(ChangeRefused, match="trigger the run as a user"):
        life.draft("run-1", " ", "text")
    with pytest.raises(ChangeRefused, match="above 0"):
        life.draft("run-1", "ann", "text", 0)


@settings(deadline=None)
@given(
    tries=st.lists(
        st.tuples(st.sampled_from([*WAY, Step.REJECTED]), st.sampled_from(["run-1", "run-2"])), max_size=14
    )
)
def test_nothing_is_live_without_all_that_comes_before_it(
    tmp_path_factory: pytest.TempPathFactory, tries: list[tuple[Step, str]]
) -> None:
    life = RuleLife(Lake(tmp_path_factory.mktemp("lake").as_uri()), "a")
    for step, change in tries:
        try:
            take(life, step, change)
        except ChangeRefused:
            continue
    for change in ("run-1", "run-2"):
        taken = [step.step for step in life.of(change)]
        assert len(taken) == len(set(taken))
        assert [step for step in taken if step is not Step.REJECTED] == WAY[
            : len(taken) - (Step.REJECTED in taken)
        ]
