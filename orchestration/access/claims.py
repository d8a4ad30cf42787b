"""The claims of a published release, with their citations as text, Markdown, BibTeX or in APA style.

Whether a claim that was quoted earlier still holds is in `publish.claim_history`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from orchestration.access.release import PublishedRelease
from orchestration.errors import QueryError
from orchestration.formatting import date_in_words
from orchestration.publish.claim_history import check_claim
from orchestration.publish.datapackage import SCOPE_OF
from orchestration.storage.sql import rows_as_dicts

Claim = Mapping[str, Any]

# Several surfaces may share the address of the rankings, which claims about usage cite.
_CLAIM = """
    select claim.*, (
        select max_by(licence, surface = 'rankings') from citations where citations.source_url = claim.source_url
    ) as licence
    from claim
    where claim_id = ?
"""
_LICENCE_URLS = {"CC BY 4.0": "https://creativecommons.org/licenses/by/4.0/"}


def newest_claims(release: PublishedRelease) -> list[tuple[str, str]]:
    """(claim_id, statement) of the newest day, week and month."""
    return release.connection.execute(
        "select claim_id, statement from claim qualify period_start = max(period_start) over (partition by period) "
        "order by period, kind"
    ).fetchall()


def find_claim(release: PublishedRelease, claim_id: str) -> Claim:
    """The row of the table `claim` with this id, and `licence` of its source. Raises QueryError if there is none."""
    rows = rows_as_dicts(release.connection.execute(_CLAIM, [claim_id]))
    if not rows:
        check_claim(claim_id, release.folder, release.claim_history)  # has its own error for an unknown claim
        raise QueryError(
            f"The current release no longer contains {claim_id}. `routerscope cite --check {claim_id}` shows its "
            "published versions."
        )
    return rows[0]


def in_style(claim: Claim, style: str) -> str:
    """The claim with its citation in the style text, markdown, bibtex or apa."""
    return {"text": as_text, "markdown": as_markdown, "bibtex": as_bibtex, "apa": as_apa}[style](claim)


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
            f"  author = {{{{{_author(claim)}}}}},",
            f"  title = {{{{{_tex(claim['statement'])}}}}},",
            f"  year = {{{claim['as_of']:%Y}}},",
            f"  howpublished = {{\\url{{{claim['source_url']}}}}},",
            f"  note = {{{_tex(claim['citation'])} Claim {_tex(claim['claim_id'])}. {_tex(claim['caveat'])}}},",
            f"  urldate = {{{claim['checked_at']:%Y-%m-%d}}},",
            "}",
        ]
    )


def as_apa(claim: Claim) -> str:
    """The statement with its in-text citation, and below it the entry of the reference list (APA, 7th edition).

    The cited work is the page of the source, so its author, who is also its publisher, is named once. The page changes,
    so the entry has the day it was retrieved. The last line has what the entry has no place for: who computed the
    figure, every source, the licence if one must be named, and the caveat.
    """
    page = claim["source_url"].partition("://")[2]
    title = "Simulated data" if _is_simulated(claim) else page.rpartition("/")[2].capitalize()
    licence = claim["licence"]
    terms = f" Licence of {page}: {licence}, {_LICENCE_URLS[licence]}." if licence in _LICENCE_URLS else ""
    return (
        f"{claim['statement'].removesuffix('.')} ({_author(claim)}, {claim['as_of']:%Y}).\n\n"
        f"{_author(claim)}. ({claim['as_of']:%Y}, {_month_and_day(claim['as_of'])}). {title} [Data set]. Retrieved "
        f"{_month_and_day(claim['checked_at'])}, {claim['checked_at']:%Y}, from {claim['source_url']}\n\n"
        f"Computed by Routerscope. {claim['citation']}{terms} {claim['caveat']}"
    )


def _is_simulated(claim: Claim) -> bool:
    return bool(claim["scope_id"] == SCOPE_OF["simulated"])


def _author(claim: Claim) -> str:
    return "Routerscope" if _is_simulated(claim) else "OpenRouter"


def _month_and_day(date: dt.date) -> str:
    """As APA style writes it: August 7."""
    return f"{date:%B} {date.day}"


def _tex(text: str) -> str:
    escapes = {"{": r"\{", "}": r"\}", "\\": r"\textbackslash{}"} | {one: f"\\{one}" for one in "%&_#$"}
    return "".join(escapes.get(character, character) for character in text)
