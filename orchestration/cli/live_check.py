"""`routerscope live-check`: check the real API, and print a verdict and a transcript in Markdown for an issue.

`openrouter.live_check` makes the requests and decides what they show.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
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
_MAX_LINES = 20


def live_check() -> None:
    """Check OpenRouter's API against what Routerscope expects of it.

    At most 12 requests are sent, and no data folder is used. The result is a text in Markdown without the key: paste it
    into an issue.
    """
    from orchestration.openrouter.client import Client, Transcript
    from orchestration.openrouter.live_check import MAX_REQUESTS, State, check
    from orchestration.settings import Settings

    settings = Settings.load(source="live")
    transcript = Transcript(MAX_REQUESTS)
    client = Client(str(settings.base_url), settings.api_key, transcript=transcript)
    started = client.clock.now()
    results = list(check(client, lambda surface: err.print(f"checking {surface} …")))
    states = {result.state for result in results}
    for line in _report(client, transcript, results, started):
        typer.echo(plain_text(line))
    if State.FAILED in states:
        raise typer.Exit(ExitCode.FAILED)
    raise typer.Exit(ExitCode.DOUBTFUL if State.DIFFERS in states else ExitCode.OK)


def _report(client: Client, transcript: Transcript, results: Sequence[Result], started: dt.datetime) -> Iterator[str]:
    from orchestration.openrouter.live_check import State

    by_state = {state: [one.surface.name for one in results if one.state is state] for state in State}
    failed, differing = by_state[State.FAILED], by_state[State.DIFFERS]
    checked = len(results) - len(by_state[State.NOT_CHECKED])
    verdict = f"{len(failed)} of {checked} surfaces cannot be used" if failed else "every surface can be used"
    differs = f", {len(differing)} differ{'s' * (len(differing) == 1)} from the contract" if differing else ""
    yield f"# Live check: {verdict}{differs}"
    yield ""
    if client.is_simulated:
        yield "**Simulated: these responses are invented.**"
        yield ""
    yield (
        f"Routerscope {__version__} checked {checked} of {len(results)} surfaces of {client.base_url} "
        f"{'with' if client.has_key else 'without'} a key, in {_count(transcript.requests, 'request')}, on "
        f"{started:%Y-%m-%d at %H:%M} UTC."
    )
    yield ""
    yield "| surface | result | rows | as of |"
    yield "|---|---|---:|---|"
    for result in results:
        rows = "" if result.rows is None else f"{result.rows:,}"
        as_of = f"{result.as_of:%Y-%m-%dT%H:%M:%SZ}" if result.as_of else ""
        reason = f" ({result.findings[0]})" if result.state is State.NOT_CHECKED else ""
        yield f"| {result.surface.name} | {result.state}{reason} | {rows} | {as_of} |"
    yield from _section("Problems", [(one, one.findings) for one in results if one.state is not State.NOT_CHECKED])
    yield from _section("New fields and values, which runs keep or ignore", [(one, one.additions) for one in results])
    yield from _requests(transcript.exchanges)
    yield from _excerpts(results)


def _section(title: str, lines: Iterable[tuple[Result, Sequence[str]]]) -> Iterator[str]:
    found = [(result.surface.name, line) for result, all_lines in lines for line in _first(all_lines)]
    if found:
        yield from ("", f"## {title}", "")
        yield from (f"- {surface}: {line}" for surface, line in found)


def _first(lines: Sequence[str]) -> list[str]:
    more = [f"… and {len(lines) - _MAX_LINES:,} more"] if len(lines) > _MAX_LINES else []
    return [*lines[:_MAX_LINES], *more]


def _requests(exchanges: Sequence[Exchange]) -> Iterator[str]:
    yield from ("", "## Requests", "", "```")
    for number, exchange in enumerate(exchanges, start=1):
        status = exchange.status if exchange.status is not None else "no response"
        yield f"{number}. GET {exchange.url}"
        yield f"   {status}, {exchange.size_bytes:,} bytes, {exchange.seconds:.1f} s"
        if exchange.failure:
            yield f"   {exchange.failure}"
        for name in _HEADERS:
            if name in exchange.headers:
                yield f"   {name}: {exchange.headers[name]}"
    yield "```"


def _excerpts(results: Sequence[Result]) -> Iterator[str]:
    if not any(result.excerpt for result in results):
        return
    yield from ("", "<details><summary>Start of each response, with lists and texts shortened</summary>")
    for result in results:
        if result.excerpt:
            fence = "`" * (3 + result.excerpt.count("```"))
            yield from ("", f"{result.surface.name}:", "", fence, result.excerpt, fence)
    yield from ("", "</details>")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
