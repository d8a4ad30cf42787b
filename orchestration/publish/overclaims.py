"""Overclaims: phrases that claim more than the scope of the data allows, which is the traffic of one router.

The seed `overclaims` lists the phrases as patterns. A phrase is allowed in a clause that denies it ("not global
usage"), in a sentence that the seed `overclaim_exemptions` lists word for word, and in a third-party name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from orchestration.publish.seeds import SEEDS, read_seed

# A denial covers a phrase if only neutral words stand between the two: "not a measure of global usage". "No doubt",
# "not only" and "or not" deny nothing. A denial ends with its clause: only a listed adjective may precede a comma.
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
_MARKUP_INSIDE_WORD = re.compile(r"(?<=\w)[*`>#|]+(?=\w)")
_MARKUP = re.compile(r"[*`>#|]+|(?<!\w)_+|_+(?!\w)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[^a-z])|\n\s*(?:\n|[-*>]\s|[|#]|\d+\.\s)\s*")


@dataclass(frozen=True)
class Overclaim:
    """A sentence with an overclaim, the phrase in it, and the reason why the data does not support that phrase."""

    sentence: str
    phrase: str
    reason: str


class OverclaimFinder:
    """Finds overclaims by the seeds in a folder; `names` are third-party names, which may contain any phrase."""

    def __init__(self, seeds: Path = SEEDS, names: Collection[str] = ()) -> None:
        self._seeds = seeds
        self._names = names

    @cached_property
    def phrases(self) -> dict[str, str]:
        """Pattern of a phrase → the reason why it is an overclaim."""
        return {row["phrase"]: row["reason"] for row in read_seed("overclaims", self._seeds)}

    def find(self, texts: Iterable[str]) -> list[Overclaim]:
        """The overclaims in the texts: at most one per sentence, and each sentence once."""
        found = {}
        for text in texts:
            for sentence in map(_without_markup, _SENTENCE.split(_ADDRESS.sub("", self._without_names(text)))):
                if sentence not in found and sentence not in self._exempt and (overclaim := self._first(sentence)):
                    found[sentence] = overclaim
        return list(found.values())

    def _first(self, sentence: str) -> Overclaim | None:
        for pattern, reason in self._patterns:
            for match in pattern.finditer(sentence):
                if not _DENIED.search(sentence[: match.start()]):
                    return Overclaim(sentence, match.group(), reason)
        return None

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        return [(re.compile(phrase, re.IGNORECASE), reason) for phrase, reason in self.phrases.items()]

    @cached_property
    def _exempt(self) -> frozenset[str]:
        return frozenset(_without_markup(row["text"]) for row in read_seed("overclaim_exemptions", self._seeds))

    @cached_property
    def _names_with_phrases(self) -> list[re.Pattern[str]]:
        """Only names that contain a phrase: removing a name such as "AI" would hide overclaims around it."""
        names = [
            name for name in self._names if any(pattern.search(_without_markup(name)) for pattern, _ in self._patterns)
        ]
        return [re.compile(rf"(?<!\w){re.escape(name)}(?!\w)") for name in sorted(names, key=len, reverse=True)]

    def _without_names(self, text: str) -> str:
        for name in self._names_with_phrases:
            text = name.sub("…", text)
        return text


def _without_markup(text: str) -> str:
    """The text in one line, without Markdown marks."""
    return " ".join(_MARKUP.sub("", _MARKUP_INSIDE_WORD.sub(" ", text)).split())
