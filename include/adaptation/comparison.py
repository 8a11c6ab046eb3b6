"""Two models on the same transactions, under the same alert budget: which of them finds more fraud?

Each model flags the share of all transactions that the budget allows, those it finds most suspicious. Frauds that
both find or both miss say nothing about the difference; of those that only one finds, half would go to each
if the models were equally good. So the number that only one of them finds is judged by a binomial test with
p = 1/2, one-sided (the exact form of McNemar's test, Psychometrika 1947).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from include.detection.budget import threshold_for
from include.evaluation.ranking import average_precision

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

#: Chance of calling a model worse that is not.
SIGNIFICANCE = 0.05


class Standing(StrEnum):
    """How a challenger stands to the champion."""

    OPEN = "open"  # too few frauds to tell
    WORSE = "worse"
    AS_GOOD = "as good"
    BETTER = "better"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came out; the challenger is the model that is judged."""

    rows: int
    frauds: int
    budget: float  # share of the rows each may flag
    champion_caught: int
    challenger_caught: int
    only_champion: int  # frauds that only the champion flags
    only_challenger: int
    champion_average_precision: float | None  # None without a fraud
    challenger_average_precision: float | None
    min_frauds: int

    @property
    def p_worse(self) -> float:
        """Chance of so many frauds found by the champion alone if the challenger were as good."""
        return self._chance(self.only_champion)

    @property
    def p_better(self) -> float:
        """Chance of so many frauds found by the challenger alone if the champion were as good."""
        return self._chance(self.only_challenger)

    def _chance(self, alone: int) -> float:
        discordant = self.only_champion + self.only_challenger
        return float(binomtest(alone, discordant, 0.5, alternative="greater").pvalue) if discordant else 1.0

    @property
    def standing(self) -> Standing:
        """What to make of it."""
        if self.frauds < self.min_frauds:
            return Standing.OPEN
        if self.p_worse < SIGNIFICANCE:
            return Standing.WORSE
        return Standing.BETTER if self.p_better < SIGNIFICANCE else Standing.AS_GOOD

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            **asdict(self),
            "p_worse": self.p_worse,
            "p_better": self.p_better,
            "standing": str(self.standing),
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """What ``document`` made; what else stands in it is left out."""
        return cls(**{field.name: document[field.name] for field in fields(cls)})

    def table(self, champion: str, challenger: str) -> str:
        """As Markdown, for an approval page."""
        lines = [
            f"| {self.rows:,} transactions, {self.frauds} known frauds, {self.budget:.1%} may be flagged "
            f"| champion {champion} | challenger {challenger} |",
            "|---|---|---|",
            f"| frauds flagged | {self.champion_caught} | {self.challenger_caught} |",
            f"| flagged by this one alone | {self.only_champion} | {self.only_challenger} |",
            f"| average precision | {_said(self.champion_average_precision)} "
            f"| {_said(self.challenger_average_precision)} |",
            f"| chance of this if the two were equally good | | {min(self.p_worse, self.p_better):.3g} |",
            "",
            f"The challenger is **{self.standing}**.",
        ]
        return "\n".join(lines)


def compare(fraud: Flags, champion: Floats, challenger: Floats, budget: float, min_frauds: int) -> Comparison:
    """Compare two models.

    Parameters
    ----------
    fraud
        Shape (n,): known to be fraud. What nobody has spoken of counts as honest, for both alike.
    champion, challenger
        Shape (n,): scores, higher = more suspicious; each on a scale of its own.
    budget
        Share of the n rows that each may flag.
    min_frauds
        With fewer there is no judgement.
    """
    flagged = [scores >= threshold_for(scores, budget) for scores in (champion, challenger)]
    one, other = (flags & fraud for flags in flagged)
    precision = [
        average_precision(fraud, scores) if fraud.any() else None for scores in (champion, challenger)
    ]
    return Comparison(
        rows=len(fraud),
        frauds=int(fraud.sum()),
        budget=budget,
        champion_caught=int(one.sum()),
        challenger_caught=int(other.sum()),
        only_champion=int((one & ~other).sum()),
        only_challenger=int((other & ~one).sum()),
        champion_average_precision=precision[0],
        challenger_average_precision=precision[1],
        min_frauds=min_frauds,
    )


def _said(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
