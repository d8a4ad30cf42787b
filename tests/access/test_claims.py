"""A claim with its citation as text, Markdown, BibTeX and in APA style."""

import datetime as dt

import pytest
from conftest import Run

from orchestration.access.claims import as_apa, as_bibtex, as_markdown, as_text, find_claim, newest_claims
from orchestration.access.release import open_release
from orchestration.errors import QueryError

CLAIM = {
    "claim_id": "leading_model/week/2026-07-27",
    "statement": "A {model} had 12.7% of R&D_tokens.",
    "citation": "Source: OpenRouter (openrouter.ai/rankings), as of 2026-08-07T00:05:19Z.",
    "caveat": "Tokens, not people.",
    "source_url": "https://openrouter.ai/rankings",
    "scope_id": "openrouter_public_traffic",
    "licence": "CC BY 4.0",
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


def test_apa_has_in_text_citation_and_entry_of_reference_list() -> None:
    statement, entry, note = as_apa(CLAIM | {"as_of": dt.datetime(2026, 8, 6, 23)}).split("\n\n")  # noqa: DTZ001
    assert statement == "A {model} had 12.7% of R&D_tokens (OpenRouter, 2026)."
    assert entry == (
        "OpenRouter. (2026, August 6). Rankings [Data set]. Retrieved August 7, 2026, from https://openrouter.ai/rankings"
    )
    assert note == (
        "Computed by Routerscope. Source: OpenRouter (openrouter.ai/rankings), as of 2026-08-07T00:05:19Z. Licence of "
        "openrouter.ai/rankings: CC BY 4.0, https://creativecommons.org/licenses/by/4.0/. Tokens, not people."
    )


def test_simulated_claim_does_not_name_openrouter_as_author() -> None:
    simulated = CLAIM | {"scope_id": "simulated", "licence": "simulated"}
    assert as_apa(simulated).split("\n\n")[1].startswith("Routerscope. (2026, August 7). Simulated data [Data set].")
    assert "Licence" not in as_apa(simulated)
    assert "author = {{Routerscope}}" in as_bibtex(simulated)


def test_listed_claims_are_found_and_others_are_not(few_run: Run) -> None:
    with open_release(few_run.data) as release:
        for claim_id, statement in newest_claims(release):
            found = find_claim(release, claim_id)
            assert (found["statement"], found["licence"]) == (statement, "CC BY 4.0")
        with pytest.raises(QueryError, match="leading_model/day/1999-01-01"):
            find_claim(release, "leading_model/day/1999-01-01")
