"""What may not be said of figures that are those of one router, and of nothing larger.

A phrase of the seed `overclaims` may stand in a text only where it is denied ("not global usage"), or where the
sentence stands word for word in the seed `overclaim_exemptions`. Where texts come from does not belong here.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from orchestration.settings import PROJECT_DIR

# What stands between a denial and what it denies: words that neither assert nor turn. "No doubt", "not only" and "or
# not" deny nothing, and a denial ends with its clause: only adjectives denied together may be listed with commas.
_WORDS_OF_DENIAL = "not|no|nor|neither|never|nothing|none|nowhere|cannot|without|rather than|instead of"
_DENIALS = rf"(?:(?<!\bor )\b(?:{_WORDS_OF_DENIAL})\b|n't\b|n’t\b)"
_LISTED = "global|worldwide|total|overall|whole|entire|market-wide|industry-wide"
_BETWEEN = (
    "a|about|all|an|any|anything|are|as|at|be|by|claim|claims|count|counts|describe|describes|estimate|estimates|figure|"
    "figures|for|from|give|gives|in|is|mean|means|measure|measured|measures|of|on|or|quoted|read|represent|represents|"
    "sample|say|says|share|shares|show|shows|speak|speaks|stand|stands|statement|statements|taken|tell|tells|the|to|your"
)
_DENIED = re.compile(rf"{_DENIALS}(?:\s+(?:(?:{_LISTED})\b,?|(?:{_BETWEEN})\b))*\s*$", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://\S+")
_BETWEEN_WORDS = re.compile(r"(?<=\w)[*`>#|]+(?=\w)")
_MARKUP = re.compile(r"[*`>#|]+|(?<!\w)_+|_+(?!\w)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[^a-z])|\n\s*(?:\n|[-*>]\s|[|#]|\d+\.\s)\s*")


@dataclass(frozen=True)
class Finding:
    """A sentence that claims too much: the words that do, and why they may not be said."""

    sentence: str
    words: str
    reason: str


class Words:
    """The phrases and the exemptions of one folder of seeds; `names` are what others call their things."""

    def __init__(self, seeds: Path = PROJECT_DIR / "seeds", names: Collection[str] = ()) -> None:
        self._seeds = seeds
        self._names = names

    @cached_property
    def phrases(self) -> dict[str, str]:
        """Pattern → why what it matches may not be said."""
        return {row["phrase"]: row["reason"] for row in _rows(self._seeds / "overclaims.csv")}

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        return [(re.compile(phrase, re.IGNORECASE), reason) for phrase, reason in self.phrases.items()]

    @cached_property
    def _exempt(self) -> frozenset[str]:
        return frozenset(_plain(row["text"]) for row in _rows(self._seeds / "overclaim_exemptions.csv"))

    def findings(self, texts: Iterable[str]) -> list[Finding]:
        """Every sentence of the texts that claims too much, once."""
        found = {}
        for text in texts:
            for sentence in map(_plain, _SENTENCE.split(_ADDRESS.sub("", self._without_names(text)))):
                if sentence not in found and sentence not in self._exempt and (finding := self._claim(sentence)):
                    found[sentence] = finding
        return list(found.values())

    def _claim(self, sentence: str) -> Finding | None:
        for pattern, reason in self._patterns:
            for match in pattern.finditer(sentence):
                if not _DENIED.search(sentence[: match.start()]):
                    return Finding(sentence, match.group(), reason)
        return None

    @cached_property
    def _names_that_claim(self) -> list[re.Pattern[str]]:
        """Only names with a forbidden phrase in them are looked for: a common word that is a name hides nothing."""
        odd = [name for name in self._names if any(pattern.search(_plain(name)) for pattern, _ in self._patterns)]
        return [re.compile(rf"(?<!\w){re.escape(name)}(?!\w)") for name in sorted(odd, key=len, reverse=True)]

    def _without_names(self, text: str) -> str:
        for name in self._names_that_claim:
            text = name.sub("…", text)
        return text


def _plain(sentence: str) -> str:
    """Without markup and line breaks."""
    return " ".join(_MARKUP.sub("", _BETWEEN_WORDS.sub(" ", sentence)).split())


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
