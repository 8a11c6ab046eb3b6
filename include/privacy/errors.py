"""What can go wrong with personal data.

::

    PrivacyError
    ├── ErasureRefused    a request that cannot be carried out as it was asked
    ├── LookupUnavailable the look-up of pseudonyms cannot be read or written
    └── UnknownToken      no identifier is known for a pseudonym
"""

from __future__ import annotations


class PrivacyError(Exception):
    """Anything this package raises."""


class ErasureRefused(PrivacyError):
    """Somebody has to correct the request: the next try would find the same."""


class LookupUnavailable(PrivacyError):
    """No key, another key, or a look-up that is damaged."""


class UnknownToken(PrivacyError):
    """The look-up has no such token."""
