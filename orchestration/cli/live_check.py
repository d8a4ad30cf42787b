"""`routerscope live-check`: check the real API, and print a verdict and a transcript in Markdown for an issue.

`openrouter.live_check` makes the requests and decides what they show. Text of a response is printed in fenced blocks
only, because the issue is public: nothing in it may become a heading, a link, a picture or a mention.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import typer

from orchestration import __version__
from orchestration.cli.terminal import ExitCode, err
from orchestration.untrusted import plain_text

if TYPE_CHECKING:
    from orchestration.openrouter.client import Client, Exchange, Transcript
    from orchestration.openrouter.live_check import Result

# Others may identify the network or the account.
_HEADERS = ("content-type", "content-encoding", "cache-control", "retry-after", "date")
_MAX_LINES = 8
_MAX_LINE_LENGTH = 200
# An issue on GitHub has at most 65,536 characters.
_MAX_LENGTH = 60_000


def live_check() -> None:
    """Check OpenRouter's API against what Routerscope expects of it.

    At most 12 requests are sent, and no data folder is used. The result is a text in Markdown without the key: read it,
    and paste it into an issue.
    """
    from orchestration.openrouter.client import Client, Transcript
    from orchestration.openrouter.live_check import MAX_REQUESTS, State, check
    from orchestration.settings import Settings

    settings = Settings.load(source="live")
    transcript = Transcript(MAX_REQUESTS)
    client = Client(str(settings.base_url), settings.api_key, transcript=transcript)
    started = client.clock.now()
    results = list(check(client, transcript, lambda surface: err.print(f"checking {surface} …")))
    typer.echo(report(client, transcript, results, started), nl=False)
    states = {result.state for result in results}
    if State.FAILED in states:
        raise typer.Exit(ExitCode.FAILED)
    raise typer.Exit(ExitCode.DOUBTFUL if State.DIFFERS in states else ExitCode.OK)


def report(client: Client, transcript: Transcript, results: Sequence[Result], started: dt.datetime) -> str:
    """The text for an issue; the start of the responses is left out if it would be too long for one."""
    from orchestration.openrouter.parsers import KEY

    summary = [*_verdict(client, transcript, results, started), *_lists(results), *_requests(transcript)]
    whole = [*summary, *_excerpts(results)]
    text = "\n".join(whole) + "\n"
    if len(text) > _MAX_LENGTH:
        text = "\n".join(summary)[:_MAX_LENGTH] + "\n"
    return KEY.sub("•••", plain_text(text))


def _verdict(client: Client, transcript: Transcript, results: Sequence[Result], started: dt.datetime) -> Iterator[str]:
    from orchestration.openrouter.live_check import State
    from orchestration.openrouter.surfaces import SIMULATOR_HEADER

    count = {state: sum(one.state is state for one in results) for state in State}
    checked = len(results) - count[State.NOT_CHECKED] - count[State.NEEDS_KEY]
    usable = checked - count[State.FAILED]
    verdict = [f"{usable} of {checked} checked surfaces can be used"]
    if count[State.DIFFERS]:
        verdict.append(f"{count[State.DIFFERS]} differ{'s' * (count[State.DIFFERS] == 1)} from what is expected")
    if checked < len(results):
        verdict.append(f"{len(results) - checked} not checked")
    yield f"# Live check: {', '.join(verdict)}"
    yield ""
    if any(SIMULATOR_HEADER in exchange.headers for exchange in transcript.exchanges):
        yield from ("**Simulated: these responses are invented.**", "")
    yield (
        f"Routerscope {__version__} sent {transcript.requests} requests to `{client.base_url}`, "
        f"{'with' if client.has_key else 'without'} a key, on {started:%Y-%m-%d at %H:%M} UTC. Each response was "
        "parsed as in a run, and compared with OpenRouter's API description of August 2026."
    )
    yield from ("", "| surface | result | rows | as of |", "|---|---|---:|---|")
    for result in results:
        rows = "" if result.rows is None else f"{result.rows:,}"
        as_of = f"{result.as_of:%Y-%m-%dT%H:%M:%SZ}" if result.as_of else ""
        yield f"| {result.surface.name} | {result.state} | {rows} | {as_of} |"


def _lists(results: Sequence[Result]) -> Iterator[str]:
    sections: tuple[tuple[str, Callable[[Result], tuple[str, ...]]], ...] = (
        ("Problems", lambda result: result.problems),
        ("New fields and values (runs keep them)", lambda result: result.additions),
    )
    for title, lines_of in sections:
        lines = [f"{one.surface.name}: {line}" for one in results for line in _first(lines_of(one))]
        if lines:
            yield from ("", f"## {title}", "", *_fenced(lines))


def _first(lines: Sequence[str]) -> list[str]:
    more = [f"… and {len(lines) - _MAX_LINES:,} more"] if len(lines) > _MAX_LINES else []
    return [*lines[:_MAX_LINES], *more]


def _requests(transcript: Transcript) -> Iterator[str]:
    lines = [line for number, one in enumerate(transcript.exchanges, start=1) for line in _request(number, one)]
    yield from ("", "## Requests", "", *_fenced(lines))


def _request(number: int, exchange: Exchange) -> Iterator[str]:
    status = "no response" if exchange.status is None else str(exchange.status)
    yield f"{number}. GET {exchange.url}"
    yield f"   {status}, {exchange.size_bytes:,} bytes, {exchange.seconds:.1f} s"
    if exchange.redirected_to:
        yield f"   redirected to {exchange.redirected_to}"
        return
    if exchange.failure:
        yield f"   {exchange.failure}"
    yield from (f"   {name}: {exchange.headers[name]}" for name in _HEADERS if name in exchange.headers)


def _excerpts(results: Sequence[Result]) -> Iterator[str]:
    if not any(result.excerpt for result in results):
        return
    yield from ("", "<details><summary>First row of each response, shortened</summary>")
    for result in results:
        if result.excerpt:
            yield from ("", f"{result.surface.name}:", "", *_fenced(result.excerpt.splitlines()))
    yield from ("", "</details>")


def _fenced(lines: Sequence[str]) -> list[str]:
    """The lines, shortened, in a fence that none of them can close."""
    shown = [" ".join(line.splitlines()) for line in lines]
    shown = [line if len(line) <= _MAX_LINE_LENGTH else line[: _MAX_LINE_LENGTH - 1] + "…" for line in shown]
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(longest + 1, 3)
    return [fence + "text", *shown, fence]
