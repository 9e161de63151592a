"""Amounts in sentences: what is told to a person whom it concerns is nothing for a log that many read.

Sentences about refused data name amounts, because who mends them needs to know. They are kept whole with the message
that was put aside and in the records; in a log the amounts are blanked.
"""

from __future__ import annotations

import re

BLANK = "#"

_FIGURE = r"-?\d(?:[\d,]*\d)?(?:\.\d+)?"
_NOT_WITHIN = r"(?<![\w.:/])"
_AMOUNT = re.compile(
    "|".join(
        (
            # With decimals or thousands set apart, but no address, version or duration.
            _NOT_WITHIN + r"-?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+)(?!\.?\d|[\w:/]| m?s\b)",
            # Before a currency.
            _NOT_WITHIN + _FIGURE + r"(?= [A-Z]{3}\b)",
            # After a word that says it is one, and between those that compare two.
            r"(?:(?<=\bat )|(?<=instead of )|(?<=ceiling of )|(?<=Expected )|(?<=, found ))" + _FIGURE + r"(?![\w:/-])",
            r"(?<=price )%s|(?<=price of )%s|(?<=amount )%s|(?<=amount of )%s" % ((_FIGURE,) * 4),
            r"(?<=, )" + _FIGURE + r"(?= in all)",
        )
    )
)


def without_amounts(text: str) -> str:
    """The text with a ``#`` for everything that reads like an amount of money. Counts, days, codes and ids stay."""
    return _AMOUNT.sub(BLANK, text)
