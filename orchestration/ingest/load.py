"""Loads the lake: fetches each response that is due from a source, parses it and writes it.

`sources` provides the responses, a surface parses them, and the lake stores them.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestration.errors import NotFoundError, QuotaSpentError, ResponseError, SourceError
from orchestration.formatting import basic_timestamp, iso_timestamp
from orchestration.ingest.sources import DUE_ONLY, FetchOptions, FetchTask, Source
from orchestration.openrouter.quota import REQUESTS_PER_MINUTE
from orchestration.openrouter.retries import MAX_REFETCHES
from orchestration.openrouter.simulator.api import BASE_URL as SIMULATOR_URL
from orchestration.openrouter.surfaces import RANKINGS_EXPORT, ParsedResponse, Response, Surface
from orchestration.storage.lake import Lake, Provenance

QUARANTINE = "quarantine"
_SECONDS_BETWEEN_LINES = 5.0


@dataclass
class LoadResult:
    """The result of loading one surface.

    Requests are HTTP requests: planned, made, and deferred to another day's quota. If there are `fatal_problems`,
    nothing may be built; `problems` concern data that the marts do not need.
    """

    requests_planned: int = 0
    requests_made: int = 0
    requests_deferred: int = 0
    responses_added: int = 0
    problems: list[str] = field(default_factory=list)
    fatal_problems: list[str] = field(default_factory=list)

    def problems_of(self, task: FetchTask) -> list[str]:
        """The list to which a problem of this task belongs."""
        return self.fatal_problems if task.is_essential else self.problems


def provenance(surface: Surface, response: Response, parsed: ParsedResponse) -> Provenance:
    """Where the rows of a response come from. A simulated response cites the simulator, never OpenRouter."""
    as_of = iso_timestamp(parsed.as_of)
    if response.is_simulated:
        source_url, licence = SIMULATOR_URL + surface.path, "simulated"
        citation = f"Simulated by Routerscope. This is not OpenRouter data; do not cite it. As of {as_of}."
    else:
        source_url, licence = surface.source_url, surface.licence
        citation = surface.citation.format(as_of=as_of)
    return Provenance(
        as_of=parsed.as_of,
        fetched_at=response.fetched_at,
        request_url=surface.request_url(parsed.params, response.base_url),
        source_url=source_url,
        citation=citation,
        licence=licence,
        payload_sha256=response.payload_sha256,
        schema_version=surface.schema_version,
        kind="simulated" if response.is_simulated else "real",
        request=parsed.params,
        envelope=parsed.envelope,
    )


def load_surface(
    surface: Surface,
    source: Source,
    lake: Lake,
    options: FetchOptions = DUE_ONLY,
    log: Callable[[str], None] = lambda line: None,  # noqa: ARG005
) -> LoadResult:
    """Fetch, parse and write everything that is due for a surface.

    A response that cannot be fetched or parsed is reported in the result, and the others are still written. Raises
    LakeError at the first write that fails, and before anything is fetched if the lake holds the other kind of data.
    """
    if source.kind is not None:
        lake.check_kind(source.kind)
    source.report_to(log)
    result, tried = LoadResult(), set[str]()
    stored = {(response["payload_sha256"], response["fetched_at"]) for response in lake.responses(surface.name)}
    last_line = time.monotonic()
    # The source plans again after each round, because a snapshot that turns out to be absent makes others due.
    while True:
        try:
            tasks, result.requests_deferred = source.fetch_tasks(surface, options)
        except (SourceError, ResponseError) as error:
            (result.fatal_problems if source.is_essential(surface) else result.problems).append(str(error))
            return result
        due = [task for task in tasks if task.label not in tried]
        if not due:
            return result
        remaining = sum(task.requests for task in due)
        result.requests_planned += remaining
        if source.is_rate_limited:
            log(f"{surface.name}: {remaining} requests planned{_wait(surface, remaining - REQUESTS_PER_MINUTE)}")
        for number, task in enumerate(due, start=1):
            tried.add(task.label)
            remaining -= task.requests
            try:
                response = task.fetch()
                if (response.payload_sha256, response.fetched_at.isoformat()) not in stored:
                    result.requests_made += task.requests
                    response, parsed = _parse(surface, response, task, source, lake, result)
                    written = lake.write(surface.name, parsed.table, provenance(surface, response, parsed))
                    result.responses_added += written is not None
                    result.problems += parsed.problems
            except ResponseError as error:
                result.problems_of(task).append(str(error))
            except SourceError as error:
                if isinstance(error, NotFoundError) and surface is RANKINGS_EXPORT:
                    log(str(error))  # the next plan has another snapshot with the same days
                    continue
                # The next task would fail in the same way. A spent quota is never fatal: the next run continues.
                is_quota_spent = isinstance(error, QuotaSpentError)
                (result.problems if is_quota_spent else result.problems_of(task)).append(str(error))
                result.requests_deferred += remaining + task.requests
                return result
            if len(due) > 1 and time.monotonic() - last_line > _SECONDS_BETWEEN_LINES:
                last_line = time.monotonic()
                wait = _wait(surface, remaining) if source.is_rate_limited else ""
                log(f"{surface.name}: {number} of {len(due)} fetched{wait}")


def _wait(surface: Surface, requests: int) -> str:
    """The time that these requests wait for the quota, as text; empty if they need not wait."""
    minutes = -(-requests // REQUESTS_PER_MINUTE) if surface.needs_key else 0
    return f", about {minutes} min to go" if minutes > 0 else ""


def _parse(
    surface: Surface, response: Response, task: FetchTask, source: Source, lake: Lake, result: LoadResult
) -> tuple[Response, ParsedResponse]:
    """The response and its rows. A response that cannot be parsed is refetched, as after a lost connection.

    Raises ResponseError if the last refetch cannot be parsed either, and SourceError if a refetch fails; the newest
    body is quarantined then.
    """
    for refetch in range(MAX_REFETCHES + 1):
        try:
            return response, surface.parse(response)
        except ResponseError as error:
            if source.is_recorded:
                raise
            problem = error
        if task.pause is None or refetch == MAX_REFETCHES:
            break
        try:
            task.pause(refetch + 1)
            newer = task.fetch()
        except (SourceError, ResponseError):
            result.problems_of(task).append(f"{problem} {_quarantine(surface, response, lake)}")
            raise
        response = newer
        result.requests_made += task.requests
    raise ResponseError(f"{problem} {_quarantine(surface, response, lake)}") from problem


def _quarantine(surface: Surface, response: Response, lake: Lake) -> str:
    """Keep a body that cannot be parsed, because it may be impossible to refetch; returns a sentence with its path."""
    # It is named like a recording, unless it is simulated, because a replay treats every recording as real.
    mark = "simulated-" if response.is_simulated else ""
    name = f"{mark}{basic_timestamp(response.fetched_at)}_{response.payload_sha256[:8]}.json.gz"
    path = lake.root.parent / QUARANTINE / surface.recordings / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(response.payload, mtime=0))
    except OSError as error:
        return f"The body could not be quarantined as {path}: {error.strerror or error}."
    return f"The body is quarantined as {path}."
