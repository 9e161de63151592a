from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from mappings.ceiling import Ceiling
from mappings.invoice_difference import Difference, Kind
from service.figures import without_amounts


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        ("There is no cost actual of 8 at 100, 800 in all.", "There is no cost actual of 8 at #, # in all."),
        ("It counts 8 at 200.00, which nobody called for.", "It counts 8 at #, which nobody called for."),
        ("It has price 100 instead of 200, amount -12.50.", "It has price # instead of #, amount #."),
        ("It has a price of zero instead of 200.", "It has a price of zero instead of #."),
        ("16,000 of them, or 1600 EUR.", "# of them, or # EUR."),
        ("refused (400 0x80040265): The amount 12.34 is off", "refused (400 0x80040265): The amount # is off"),
    ],
)
def test_what_reads_like_an_amount_is_blanked(said: str, logged: str) -> None:
    assert without_amounts(said) == logged


@pytest.mark.parametrize(
    "said",
    [
        "message 17b33ec1 will come again at 2026-11-22 19:45:40.407792+00:00 as attempt 2",
        "starting on http://127.0.0.1:43569/api/data/v9.2; stop with Ctrl-C",
        "waiting 1.5 s to stay within the service protection limits",
        "POST $batch: 200 in 12.5 ms",
        "Approved: cost 1, unbilled sales 1, generation 0.",
        "what is due is invoiced every day at 06:00 (Europe/Berlin)",
        "business day 2026-01-05 instead of 2026-01-06",
        f"salesorder({UUID(int=12)}): 25 subjects in a row fared alike (0x80040220)",
        '  File "/usr/lib/python3.11/x.py", line 12, in work',
    ],
)
def test_counts_times_codes_and_ids_stay(said: str) -> None:
    assert without_amounts(said) == said


def test_the_sentences_of_ceilings_and_invoices_are_among_them() -> None:
    over = Ceiling(10, Decimal(10000)).above(3, {"EUR": Decimal(16000), "USD": Decimal("20000.50")})
    differs = Difference(Kind.GREW, "Work", "It is more.", expected="1600", found="1700").sentence
    assert [without_amounts(said) for said in (*over, differs)] == [
        "# EUR is more than the ceiling of #.",
        "# USD is more than the ceiling of #.",
        "Work: It is more. Expected #, found #.",
    ]
