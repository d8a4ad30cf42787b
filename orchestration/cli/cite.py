"""`routerscope cite`: print a claim with its citation, or check whether one quoted earlier still holds."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from orchestration.cli.terminal import Data, ExitCode, out
from orchestration.formatting import iso_timestamp
from orchestration.untrusted import plain_text

if TYPE_CHECKING:
    from orchestration.access.release import PublishedRelease
    from orchestration.publish.claim_history import ClaimVersion


class Style(StrEnum):
    """The format of a citation."""

    text = "text"
    markdown = "markdown"
    bibtex = "bibtex"
    apa = "apa"


def cite(
    claim_id: Annotated[
        str, typer.Argument(metavar="CLAIM_ID", help="kind/period/first day. Without it, list the newest claims.")
    ] = "",
    style: Annotated[Style, typer.Option(help="Format of the citation.")] = Style.text,
    is_check: Annotated[
        bool, typer.Option("--check", help="Check whether the claim, as quoted earlier, still holds.")
    ] = False,
    as_of: Annotated[
        str,
        typer.Option(
            "--as-of",
            metavar="TIMESTAMP",
            help="With --check: the as-of in the citation you quoted. Default: the as-of of the first version.",
        ),
    ] = "",
    data: Data = None,
) -> None:
    """Print a claim with its citation, or check one you quoted.

    --check reports whether the claim is unchanged, revised (and by how much) or withdrawn.
    """
    from orchestration.access.claims import find_claim, in_style, newest_claims
    from orchestration.access.release import open_release

    if is_check and not claim_id:
        raise typer.BadParameter("--check needs a claim id.")
    if as_of and not is_check:
        raise typer.BadParameter("--as-of is used with --check only.")
    with open_release(data) as release:
        if is_check:
            raise typer.Exit(_check(release, claim_id, as_of))
        if claim_id:
            typer.echo(plain_text(in_style(find_claim(release, claim_id), style.value)))
            return
        for identifier, statement in newest_claims(release):
            out.print(f"[bold]{escape(identifier)}[/]", soft_wrap=True)
            out.print(f"  {escape(statement)}", soft_wrap=True)


def _check(release: PublishedRelease, claim_id: str, as_of: str) -> ExitCode:
    from orchestration.clock import parse_timestamp
    from orchestration.publish.claim_history import check_claim

    moment = parse_timestamp(as_of).replace(tzinfo=None) if as_of else None
    verdict = check_claim(claim_id, release.folder, release.claim_history, moment)
    then, now = verdict.then, verdict.now
    if now is None:
        out.print("[bold]Withdrawn.[/]")
        _show_version("Published", then)
        out.print(
            "The current release does not contain it: its days may be missing, or no member leads by more than the "
            "uncertainty.",
            soft_wrap=True,
        )
        return ExitCode.INVALID
    if verdict.state == "unchanged":
        out.print("[bold]Unchanged.[/]")
        _show_version("Published", then)
        if now.statement == then.statement:
            out.print(f"The claim still holds, as of {iso_timestamp(now.as_of)}.", soft_wrap=True)
        else:
            _show_version("Now", now)
            out.print(
                "Its wording changed. Its value changed by less than its rounding, or not at all.", soft_wrap=True
            )
        if verdict.change:
            out.print(f"The exact value changed by {verdict.change}, less than the rounding.", soft_wrap=True)
        return ExitCode.OK
    out.print("[bold]Revised.[/]")
    _show_version("Published", then)
    _show_version("Now", now)
    if verdict.change:
        out.print(f"The value changed by {verdict.change}.", soft_wrap=True)
    else:
        out.print(f"Its subject changed from {escape(then.subject)} to {escape(now.subject)}.", soft_wrap=True)
    if len(verdict.versions) > 2:
        out.print(f"It has {len(verdict.versions)} versions in all.")
    return ExitCode.DOUBTFUL


def _show_version(word: str, version: ClaimVersion) -> None:
    out.print(f"{word}, as of {iso_timestamp(version.as_of)}: {escape(version.statement)}", soft_wrap=True)
