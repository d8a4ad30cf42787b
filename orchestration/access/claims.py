"""The claims of a published release, with their citations as text, Markdown or BibTeX.

Whether a claim that was quoted earlier still holds is in `publish.claim_history`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestration.access.release import PublishedRelease
from orchestration.errors import QueryError
from orchestration.formatting import date_in_words
from orchestration.publish.claim_history import check_claim
from orchestration.storage.sql import rows_as_dicts

Claim = Mapping[str, Any]


def newest_claims(release: PublishedRelease) -> list[tuple[str, str]]:
    """(claim_id, statement) of the newest day, week and month."""
    return release.connection.execute(
        "select claim_id, statement from claim qualify period_start = max(period_start) over (partition by period) "
        "order by period, kind"
    ).fetchall()


def find_claim(release: PublishedRelease, claim_id: str) -> Claim:
    """The row of the table `claim` with this id. Raises QueryError if the release has none."""
    rows = rows_as_dicts(release.connection.execute("from claim where claim_id = ?", [claim_id]))
    if not rows:
        check_claim(claim_id, release.folder, release.claim_history)  # has its own error for an unknown claim
        raise QueryError(
            f"The current release no longer contains {claim_id}. `routerscope cite --check {claim_id}` shows its "
            "published versions."
        )
    return rows[0]


def as_text(claim: Claim) -> str:
    """Three lines: statement and citation, date checked and caveat, URL."""
    return (
        f"{claim['statement']} {claim['citation']}\nChecked {date_in_words(claim['checked_at'])}. {claim['caveat']}\n"
        f"{claim['source_url']}"
    )


def as_markdown(claim: Claim) -> str:
    """A block quote with the citation below it."""
    return (
        f"> {claim['statement']}\n>\n> {claim['citation']} [{claim['source_url']}]({claim['source_url']}), checked "
        f"{date_in_words(claim['checked_at'])}. {claim['caveat']}"
    )


def as_bibtex(claim: Claim) -> str:
    """An entry `@misc` whose title is the statement."""
    key = "routerscope_" + claim["claim_id"].replace("/", "_").replace("-", "")
    return "\n".join(
        [
            f"@misc{{{key},",
            "  author = {{OpenRouter}},",
            f"  title = {{{{{_tex(claim['statement'])}}}}},",
            f"  year = {{{claim['as_of']:%Y}}},",
            f"  howpublished = {{\\url{{{claim['source_url']}}}}},",
            f"  note = {{{_tex(claim['citation'])} Claim {_tex(claim['claim_id'])}. {_tex(claim['caveat'])}}},",
            f"  urldate = {{{claim['checked_at']:%Y-%m-%d}}},",
            "}",
        ]
    )


def _tex(text: str) -> str:
    escapes = {"{": r"\{", "}": r"\}", "\\": r"\textbackslash{}"} | {one: f"\\{one}" for one in "%&_#$"}
    return "".join(escapes.get(character, character) for character in text)
