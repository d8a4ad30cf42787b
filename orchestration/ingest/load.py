"""From a source into the lake: each question is asked, its answer read and written, and what went wrong is told.

Where answers come from is in `sources`, what one means is the surface's business, how it is kept the lake's.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestration.errors import NotFoundError, QuotaSpentError, ResponseError, SourceError
from orchestration.ingest.sources import DUE_ONLY, FetchOptions, FetchTask, Replay, Source
from orchestration.openrouter.quota import REQUESTS_PER_MINUTE
from orchestration.openrouter.retries import MAX_REFETCHES
from orchestration.openrouter.simulator.api import BASE_URL as SIMULATOR_URL
from orchestration.openrouter.surfaces import (
    RANKINGS_EXPORT,
    ParsedResponse,
    Response,
    Surface,
)
from orchestration.storage.lake import Lake, Provenance

_SECONDS_BETWEEN_LINES = 5.0


@dataclass
class LoadResult:
    """What came of it: requests planned, made and left for later, responses added, and what went wrong.

    Without what is `fatal` nothing may be built; what else there is of `problems` the marts can do without.
    """

    planned: int = 0
    added: int = 0
    asked: int = 0
    left: int = 0
    problems: list[str] = field(default_factory=list)
    fatal: list[str] = field(default_factory=list)


def provenance(surface: Surface, observation: Response, answer: ParsedResponse) -> Provenance:
    """Where the rows come from. What a simulator tells cites the simulator, never OpenRouter."""
    as_of = answer.as_of.strftime("%Y-%m-%dT%H:%M:%SZ")
    told_by_simulator = {
        "source_url": SIMULATOR_URL + surface.path,
        "citation": f"Simulated by Routerscope; not data of OpenRouter, not to be cited. As of {as_of}.",
        "licence": "simulated",
    }
    told_by_openrouter = {
        "source_url": surface.source_url,
        "citation": surface.citation.format(as_of=as_of),
        "licence": surface.licence,
    }
    return Provenance(
        as_of=answer.as_of,
        fetched_at=observation.fetched_at,
        request_url=surface.request_url(answer.params, observation.base_url),
        payload_sha256=observation.payload_sha256,
        schema_version=surface.schema_version,
        kind="simulated" if observation.is_simulated else "real",
        request=answer.params,
        envelope=answer.envelope,
        **(told_by_simulator if observation.is_simulated else told_by_openrouter),
    )


def load_surface(
    surface: Surface,
    source: Source,
    lake: Lake,
    options: FetchOptions = DUE_ONLY,
    log: Callable[[str], None] = lambda line: None,  # noqa: ARG005
) -> LoadResult:
    """Ask, read and write everything that is due of a surface.

    What cannot be asked or read is told in the result, after all else is written. Raises LakeError at once, and before
    anything is asked if the lake holds the other kind of data.
    """
    if source.kind is not None:
        lake.check_kind(source.kind)
    source.report_to(log)
    taken, tried = LoadResult(), set[str]()
    held = {(told["payload_sha256"], told["fetched_at"]) for told in lake.responses(surface.name)}
    last_line = time.monotonic()
    while True:
        try:
            questions, taken.left = source.fetch_tasks(surface, options)
        except (SourceError, ResponseError) as error:
            (taken.fatal if source.is_essential(surface) else taken.problems).append(str(error))
            return taken
        due = [question for question in questions if question.label not in tried]
        if not due:
            return taken
        to_ask = sum(question.requests for question in due)
        taken.planned += to_ask
        if source.waits:
            log(f"{surface.name}: {to_ask} requests planned{_minutes(surface, to_ask - REQUESTS_PER_MINUTE)}")
        for number, question in enumerate(due, start=1):
            tried.add(question.label)
            to_ask -= question.requests
            went_wrong = taken.fatal if question.is_essential else taken.problems
            try:
                observation = question.ask()
                if (observation.payload_sha256, observation.fetched_at.isoformat()) not in held:
                    taken.asked += question.requests
                    observation, answer = _read(surface, observation, question, source, lake, taken)
                    written = lake.write(surface.name, answer.table, provenance(surface, observation, answer))
                    taken.added += written is not None
                    taken.problems += answer.problems
            except ResponseError as error:
                went_wrong.append(str(error))
            except SourceError as error:
                if isinstance(error, NotFoundError) and surface is RANKINGS_EXPORT:
                    log(str(error))  # another snapshot makes up for it
                    continue
                # The next question would go the same way. A spent quota is no fault: the next run goes on.
                (taken.problems if isinstance(error, QuotaSpentError) else went_wrong).append(str(error))
                taken.left += to_ask + question.requests
                return taken
            if len(due) > 1 and time.monotonic() - last_line > _SECONDS_BETWEEN_LINES:
                last_line = time.monotonic()
                waiting = _minutes(surface, to_ask) if source.waits else ""
                log(f"{surface.name}: {number} of {len(due)} asked and read{waiting}")


def _minutes(surface: Surface, requests: int) -> str:
    """How long the quota makes so many requests wait, for people; nothing if it does not."""
    minutes = -(-requests // REQUESTS_PER_MINUTE) if surface.needs_key else 0
    return f", about {minutes} min to go" if minutes > 0 else ""


def _read(
    surface: Surface, observation: Response, question: FetchTask, source: Source, lake: Lake, taken: LoadResult
) -> tuple[Response, ParsedResponse]:
    """The response and its rows. One that cannot be parsed is fetched again, as a lost connection is.

    Raises ResponseError if the last one cannot be parsed either, and SourceError if a refetch fails; the newest body
    is quarantined then.
    """
    for refetch in range(MAX_REFETCHES + 1):
        try:
            return observation, surface.parse(observation)
        except ResponseError as error:
            if isinstance(source, Replay):
                raise
            problem = error
        if question.pause is None or refetch == MAX_REFETCHES:
            break
        try:
            question.pause(refetch + 1)
            newer = question.ask()
        except (SourceError, ResponseError):
            (taken.fatal if question.is_essential else taken.problems).append(
                f"{problem} {_keep_aside(surface, observation, lake)}"
            )
            raise
        observation = newer
        taken.asked += question.requests
    raise ResponseError(f"{problem} {_keep_aside(surface, observation, lake)}") from problem


def _keep_aside(surface: Surface, observation: Response, lake: Lake) -> str:
    """Keep a body that cannot be read, since it can never be asked for again; says where, for people."""
    # In the form of a recording, unless it is simulated: replay tells only what is real.
    mark = "simulated-" if observation.is_simulated else ""
    name = f"{mark}{observation.fetched_at:%Y%m%dT%H%M%SZ}_{observation.payload_sha256[:8]}.json.gz"
    path = lake.root.parent / "unreadable" / surface.recordings / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(observation.payload, mtime=0))
    except OSError as error:
        return f"The body could not be kept as {path}: {error.strerror or error}."
    return f"The body is kept as {path}."
