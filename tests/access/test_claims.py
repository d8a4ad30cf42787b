"""A claim with its citation as text, Markdown and BibTeX."""

import datetime as dt

import pytest
from conftest import Run

from orchestration.access.claims import as_bibtex, as_markdown, as_text, find_claim, newest_claims
from orchestration.access.release import open_release
from orchestration.errors import QueryError

CLAIM = {
    "claim_id": "leading_model/week/2026-07-27",
    "statement": "A {model} had 12.7% of R&D_tokens.",
    "citation": "Source: OpenRouter (openrouter.ai/rankings), as of 2026-08-07T00:05:19Z.",
    "caveat": "Tokens, not people.",
    "source_url": "https://openrouter.ai/rankings",
    "as_of": dt.datetime(2026, 8, 7, 0, 5, 19),  # noqa: DTZ001  # as DuckDB returns it
    "checked_at": dt.datetime(2026, 8, 7, 0, 5, 19),  # noqa: DTZ001
}


def test_text_has_statement_citation_date_and_url() -> None:
    assert as_text(CLAIM) == (
        "A {model} had 12.7% of R&D_tokens. Source: OpenRouter (openrouter.ai/rankings), as of 2026-08-07T00:05:19Z.\n"
        "Checked 7 August 2026. Tokens, not people.\n"
        "https://openrouter.ai/rankings"
    )


def test_markdown_is_block_quote_with_link() -> None:
    assert as_markdown(CLAIM) == (
        "> A {model} had 12.7% of R&D_tokens.\n>\n"
        "> Source: OpenRouter (openrouter.ai/rankings), as of 2026-08-07T00:05:19Z. "
        "[https://openrouter.ai/rankings](https://openrouter.ai/rankings), checked 7 August 2026. Tokens, not people."
    )


def test_bibtex_escapes_special_characters() -> None:
    bibtex = as_bibtex(CLAIM)
    assert bibtex.startswith("@misc{routerscope_leading_model_week_20260727,\n")
    assert r"A \{model\} had 12.7\% of R\&D\_tokens." in bibtex
    assert r"Claim leading\_model/week/2026-07-27." in bibtex
    assert "urldate = {2026-08-07}" in bibtex
    assert bibtex.count("{") - bibtex.count(r"\{") == bibtex.count("}") - bibtex.count(r"\}")


def test_listed_claims_are_found_and_others_are_not(few_run: Run) -> None:
    with open_release(few_run.data) as release:
        for claim_id, statement in newest_claims(release):
            assert find_claim(release, claim_id)["statement"] == statement
        with pytest.raises(QueryError, match="leading_model/day/1999-01-01"):
            find_claim(release, "leading_model/day/1999-01-01")
