"""A rule of the product says no: a code to group by, and the sentence a person needs."""

from __future__ import annotations


class Refusal(Exception):
    """This subject can't go on as it stands; ``sentence`` names the thing and the remedy."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence
