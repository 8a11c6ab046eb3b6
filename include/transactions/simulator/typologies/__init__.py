"""Fraud typologies, one a module, behind the protocol in ``base``; ``TYPOLOGIES`` lists them all.

A typology's code is its place in the list and seeds its episodes: add new ones at the end.
"""

from __future__ import annotations

from include.transactions.simulator.typologies.account_takeover import AccountTakeover
from include.transactions.simulator.typologies.base import Episode, Typology, fraud_of_day
from include.transactions.simulator.typologies.card_testing import CardTesting
from include.transactions.simulator.typologies.compromised_merchant import CompromisedMerchant
from include.transactions.simulator.typologies.dormant_account import DormantAccount
from include.transactions.simulator.typologies.impossible_travel import ImpossibleTravel
from include.transactions.simulator.typologies.large_amount import LargeAmount
from include.transactions.simulator.typologies.mule_account import MuleAccount
from include.transactions.simulator.typologies.structuring import Structuring

TYPOLOGIES: tuple[Typology, ...] = (
    CardTesting(),
    AccountTakeover(),
    MuleAccount(),
    CompromisedMerchant(),
    Structuring(),
    ImpossibleTravel(),
    DormantAccount(),
    LargeAmount(),
)

__all__ = ["TYPOLOGIES", "Episode", "Typology", "fraud_of_day"]
