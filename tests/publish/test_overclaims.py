"""Overclaims are found, denied phrases are allowed, and no text of the project contains an overclaim."""

import re
import subprocess
from pathlib import Path

import pytest
from conftest import PROJECT

from orchestration.publish.overclaims import OverclaimFinder
from orchestration.publish.seeds import read_seed

ASSERTED = [
    "DeepSeek leads global AI usage with 13.1% of tokens.",
    "Share of worldwide token traffic, by author.",
    "The model's market share rose by two points.",
    "Total AI spend came to $4 million in that week.",
    "Total AI spend came to 4 million USD in that week.",
    "All LLMs together had 5 trillion tokens.",
    "Market-wide, open weights make up a third.",
    "It is the most used model of the week.",
    "Half of all developers prefer it.",
    "Leaders the LLM market?",
    "No doubt it is the leader in global usage.",
    "Not only OpenRouter: this is global usage.",
    "Not a sample. It is the whole market.",
    "Nothing beats this measure of global AI usage.",
    "Not just market share, but prices too.",
    "The _world's_ most **popular** models.",
    "This is not a sample, the market share of Anthropic is 40 %.",
    "Believe it or not, the market share of Anthropic is 40 %.",
    "Whether or not the market share is 40 %, X leads.",
    "Not an estimate, total global usage.",
    "Adoption of LLMs doubled.",
    "X has 40 % of AI.",
    "Everybody uses it.",
    "Its market*share is 40 %.",
]
DENIED = [
    "This is not global usage.",
    "A slice, not the world.",
    "A share here is not a market share.",
    "These figures say nothing about total AI usage.",
    "Nothing speaks of global, total or market-wide AI usage, spend or share.",
    "It cannot be read as a share of the AI market.",
    "They aren't a measure of worldwide demand.",
    "A slice rather than\nthe whole market.",
    "Never the most used model: tokens are not people.",
]


@pytest.mark.parametrize("text", ASSERTED)
def test_overclaim_is_found_with_phrase_and_reason(text: str) -> None:
    [overclaim] = OverclaimFinder().find([text])
    assert overclaim.phrase.lower() in overclaim.sentence.lower()
    assert overclaim.reason.endswith(".")


@pytest.mark.parametrize("text", DENIED)
def test_denied_phrase_is_no_overclaim(text: str) -> None:
    assert OverclaimFinder().find([text]) == []


def test_every_phrase_has_a_reason_and_an_example_above() -> None:
    finder = OverclaimFinder()
    assert all(finder.phrases.values())
    assert {overclaim.reason for overclaim in finder.find(ASSERTED)} == set(finder.phrases.values())


def test_no_phrase_or_exemption_depends_on_a_number() -> None:
    """Because the audit reads one of the texts in a column that differ in numbers alone."""
    any_number_or_repetition = re.compile(r"\\d\+|\{\d+,\d+\}")
    phrases = [any_number_or_repetition.sub("", phrase) for phrase in OverclaimFinder().phrases]
    exempt = [row["text"] for row in read_seed("overclaim_exemptions")]
    assert not [text for text in phrases + exempt if re.search(r"\d|\\d", text)]


def test_exemption_covers_its_exact_sentence_only(tmp_path: Path) -> None:
    (tmp_path / "overclaims.csv").write_text("phrase,reason\nmarket share,No market.\n", encoding="utf-8")
    (tmp_path / "overclaim_exemptions.csv").write_text(
        'text,reason\n"They call it market share.",A quotation.\n', encoding="utf-8"
    )
    finder = OverclaimFinder(tmp_path)
    assert finder.find(["They call it\n*market share*."]) == []
    [overclaim] = finder.find(["They call it market share. They call it a market share."])
    assert overclaim.sentence == "They call it a market share."


@pytest.mark.parametrize(
    "name",
    ["Global Market Share AI", "My_App: Global Chat", "St. Global", "Trade. Market Share Bot", "Market Leader | AI"],
)
def test_names_chosen_by_others_may_contain_a_phrase(name: str) -> None:
    text = f"{name} sent 3.1% of the tokens."
    assert OverclaimFinder().find([text])
    assert OverclaimFinder(names={name}).find([text]) == []
    assert OverclaimFinder(names={name}).find([f"{name} leads the AI market."])


def test_name_that_is_a_common_word_hides_no_overclaim() -> None:
    text = "Anthropic's market share is 40 %. It leads AI usage."
    assert len(OverclaimFinder(names={"AI", "market", "a", "the", "usage"}).find([text])) == 2


def test_project_contains_no_overclaims() -> None:
    """Documents, descriptions, SQL, seeds and code; the seeds of phrases and the tests about them are excluded."""
    # The checkout may belong to another user.
    files = ["git", "-c", "safe.directory=*", "ls-files"]
    listed = subprocess.run(files, cwd=PROJECT, capture_output=True, encoding="utf-8", check=True).stdout
    excluded = {"seeds/overclaims.csv", "seeds/overclaim_exemptions.csv"}
    tests = {"tests/publish/test_overclaims.py", "tests/faults/corruptions.py", "tests/faults/test_corruptions.py"}
    excluded |= tests | {"orchestration/publish/overclaims.py"}
    unread = (".lock", "-lock.json", ".gz", ".png", ".xz")
    paths = [name for name in listed.splitlines() if name not in excluded and not name.endswith(unread)]
    assert len(paths) > 200
    finder = OverclaimFinder()
    found = {name: finder.find([(PROJECT / name).read_text(encoding="utf-8")]) for name in paths}
    assert {name: overclaims for name, overclaims in found.items() if overclaims} == {}
