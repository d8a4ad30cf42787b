"""What may not be said is found, what is denied may be said, and nothing of ours claims too much."""

import subprocess
from pathlib import Path

import pytest
from conftest import PROJECT

from orchestration.publish.overclaims import Words

ASSERTED = [
    "DeepSeek leads global AI usage with 13.1 % of tokens.",
    "Share of worldwide token traffic, by author.",
    "The model's market share rose by two points.",
    "Total AI spend came to 4 million USD in that week.",
    "All LLMs together had 5 trillion tokens.",
    "Market-wide, open weights make up a third.",
    "It is the most used model of the week.",
    "Half of all developers prefer it.",
    "Who leads the LLM market?",
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
def test_what_claims_too_much_is_found_with_the_reason(text: str) -> None:
    [finding] = Words().findings([text])
    assert finding.words.lower() in finding.sentence.lower()
    assert finding.reason.endswith(".")


@pytest.mark.parametrize("text", DENIED)
def test_what_is_denied_may_be_said(text: str) -> None:
    assert Words().findings([text]) == []


def test_every_phrase_has_its_reason_and_is_asserted_in_some_text_above() -> None:
    words = Words()
    assert all(words.phrases.values())
    assert {finding.reason for finding in words.findings(ASSERTED)} == set(words.phrases.values())


def test_a_text_is_exempt_word_for_word_only(tmp_path: Path) -> None:
    (tmp_path / "overclaims.csv").write_text("phrase,reason\nmarket share,No market.\n")
    (tmp_path / "overclaim_exemptions.csv").write_text('text,reason\n"They call it market share.",A quotation.\n')
    words = Words(tmp_path)
    assert words.findings(["They call it\n*market share*."]) == []
    [finding] = words.findings(["They call it market share. They call it a market share."])
    assert finding.sentence == "They call it a market share."


@pytest.mark.parametrize(
    "name",
    ["Global Market Share AI", "My_App: Global Chat", "St. Global", "Trade. Market Share Bot", "Market Leader | AI"],
)
def test_what_others_call_their_things_may_be_named(name: str) -> None:
    said = f"{name} sent 3.1 % of the tokens."
    assert Words().findings([said])
    assert Words(names={name}).findings([said]) == []
    assert Words(names={name}).findings([f"{name} leads the AI market."])


def test_a_common_word_that_is_a_name_hides_nothing() -> None:
    said = "Anthropic's market share is 40 %. It leads AI usage."
    assert len(Words(names={"AI", "market", "a", "the", "usage"}).findings([said])) == 2


def test_nothing_in_the_project_claims_too_much() -> None:
    """Documents, descriptions, SQL, seeds and the program itself; the phrases and their tests are left out."""
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    left_out = {"seeds/overclaims.csv", "seeds/overclaim_exemptions.csv"}
    tests = {"tests/publish/test_overclaims.py", "tests/faults/corruptions.py", "tests/faults/test_corruptions.py"}
    left_out |= tests | {"orchestration/publish/overclaims.py"}
    paths = [name for name in listed.splitlines() if name not in left_out and not name.endswith(".lock")]
    assert len(paths) > 200
    words = Words()
    found = {
        name: findings for name in paths if (findings := words.findings([(PROJECT / name).read_text(encoding="utf-8")]))
    }
    assert found == {}
