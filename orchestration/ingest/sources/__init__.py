"""Where responses come from: three sources with one face.

Recordings (`Replay`), OpenRouter or what stands in its place (`Live`), and the synthetic OpenRouter in this process
(`Simulated`). What is due is the planner's business; what becomes of an answer is the intake's.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import pyarrow.parquet as pq
from pydantic import SecretStr

from orchestration.clock import Clock, VirtualClock
from orchestration.errors import LakeError, NotFoundError, ResponseError, SettingsError, SourceError
from orchestration.ingest import planner
from orchestration.ingest.planner import Plan, Request
from orchestration.openrouter.client import Client
from orchestration.openrouter.parsers import SLICES
from orchestration.openrouter.quota import REQUESTS_PER_DAY, RequestLog
from orchestration.openrouter.recordings import Recordings
from orchestration.openrouter.simulator import Simulator
from orchestration.openrouter.simulator.api import BASE_URL as SIMULATOR_URL
from orchestration.openrouter.simulator.api import KEY as SIMULATOR_KEY
from orchestration.openrouter.simulator.api import default_now
from orchestration.openrouter.surfaces import (
    ENDPOINTS,
    MODELS,
    RANKINGS,
    RANKINGS_EXPORT,
    SURFACES,
    Response,
    Surface,
)
from orchestration.settings import Settings
from orchestration.storage.lake import Kind, Lake

_INDEX_HOLDS = dt.timedelta(hours=1)
_WITHOUT_KEY = ("rankings_export", "models", "providers", "endpoints")


@dataclass(frozen=True)
class FetchTask:
    """Something to be asked of a source; `label` names it for people, `is_essential` that the marts rest on it.

    `pause` waits before refetch 1, 2, … of a response that cannot be parsed; without it, none is refetched.
    """

    label: str
    ask: Callable[[], Response] = field(repr=False)
    requests: int = 1
    is_essential: bool = False
    pause: Callable[[int], None] | None = None


@dataclass(frozen=True)
class FetchOptions:
    """What a person may want beyond what is due: some days of rankings and apps once more, or all days of rankings.

    `refetch` also takes every snapshot of the keyless export.
    """

    window: tuple[dt.date, dt.date] | None = None
    refetch: bool = False


DUE_ONLY = FetchOptions()


class Source(Protocol):
    """Where responses come from. `now` is its clock (UTC), `kind` what it tells where that can be known beforehand.

    `waits` says that its quota takes real time.
    """

    waits: bool

    @property
    def now(self) -> dt.datetime: ...

    @property
    def kind(self) -> Kind | None: ...

    def fetch_tasks(self, surface: Surface, options: FetchOptions) -> tuple[Sequence[FetchTask], int]:
        """What is due of a surface, in order, and how many requests have to wait for another day's quota."""

    def is_essential(self, surface: Surface) -> bool:
        """Whether nothing may be published if this surface cannot be asked at all."""

    def explain(self) -> list[str]:
        """What it is, in lines for people."""

    def why_empty(self, surface: Surface) -> str:
        """Why there may be nothing of a surface, for people."""

    def report_to(self, log: Callable[[str], None]) -> None:
        """Whom to tell of waits and of progress within one question."""


class Replay:
    """Recordings, each one observation."""

    waits = False
    kind: Kind = "real"

    def __init__(self, replay: Recordings) -> None:
        self._replay = replay

    @property
    def now(self) -> dt.datetime:
        return self._replay.now

    def fetch_tasks(self, surface: Surface, options: FetchOptions) -> tuple[Sequence[FetchTask], int]:  # noqa: ARG002
        is_essential = self.is_essential(surface)
        recordings = self._replay.recordings(surface)
        return [FetchTask(str(one.path), one.load, is_essential=is_essential) for one in recordings], 0

    def is_essential(self, surface: Surface) -> bool:
        return surface in (RANKINGS, MODELS)

    def explain(self) -> list[str]:
        return [f"Clock {self.now:%Y-%m-%d %H:%M:%S} UTC: what was observed later is left out."]

    def why_empty(self, surface: Surface) -> str:
        return f"no recordings ({surface.recordings}/)"

    def report_to(self, log: Callable[[str], None]) -> None:
        """Nothing takes long enough here."""


class Live:
    """OpenRouter, or what answers at the base URL, asked for what the lake lacks."""

    waits = True

    def __init__(self, client: Client, lake: Lake) -> None:
        self._client, self._lake = client, lake
        self._is_kind_asked = False
        self._absent: set[dt.date] = set()
        self._newest: tuple[dt.datetime, dt.date | None] | None = None

    @property
    def now(self) -> dt.datetime:
        return self._client.clock.now()

    @property
    def kind(self) -> Kind | None:
        """Told by any answer; so the one that costs nothing is asked for, before anything else is."""
        if self._client.is_simulated is None and not self._is_kind_asked:
            self._is_kind_asked = True
            with contextlib.suppress(SourceError, ResponseError):
                self.newest_snapshot()
        if self._client.is_simulated is None:
            return None
        return "simulated" if self._client.is_simulated else "real"

    @property
    def has_key(self) -> bool:
        return self._client.has_key

    def is_reachable(self) -> bool:
        """Whether anything answers, within seconds."""
        return self._client.is_reachable()

    def why_empty(self, surface: Surface) -> str:
        return "asked for with a key only" if surface.needs_key and not self.has_key else "nothing in the lake"

    def report_to(self, log: Callable[[str], None]) -> None:
        self._client.log = log

    def observed(self) -> planner.Observed:
        return planner.observed(
            (surface, told) for surface in SURFACES.values() for told in self._lake.responses(surface.name)
        )

    def plan(self, options: FetchOptions = DUE_ONLY, newest_snapshot: dt.date | None = None) -> tuple[Plan, Plan]:
        """What is asked for now, and what has to wait for another day's quota."""
        if options.window:
            whole = planner.backfill(*options.window, self.now.date())
        else:
            whole = planner.plan(
                self.observed(),
                self.now,
                has_key=self.has_key,
                newest_snapshot=newest_snapshot,
                refetch=options.refetch,
                absent_snapshots=frozenset(self._absent),
            )
        return whole.within(self._client.request_log.remaining_today(self.now) if self.has_key else 0)

    def newest_snapshot(self) -> dt.date | None:
        """None where the source publishes no export. Raises SourceError if it cannot be asked."""
        if self._newest is None or self._client.clock.now() - self._newest[0] > _INDEX_HOLDS:
            try:
                newest = self._client.newest_snapshot()
            except NotFoundError:
                newest = None
            self._newest = (self._client.clock.now(), newest)
        return self._newest[1]

    def fetch_tasks(self, surface: Surface, options: FetchOptions) -> tuple[Sequence[FetchTask], int]:
        newest = self.newest_snapshot() if surface is RANKINGS_EXPORT and not options.window else None
        now, later = self.plan(options, newest)
        left = sum(request.requests for request in later.of(surface).requests)
        return [self._question(request, newest) for request in now.of(surface).requests], left

    def _question(self, request: Request, newest_snapshot: dt.date | None = None) -> FetchTask:
        url = request.surface.request_url(request.params, self._client.base_url)
        is_essential = request.surface is MODELS
        if request.surface is RANKINGS:
            is_essential = not any(name in request.params for name in SLICES)
        elif request.surface is RANKINGS_EXPORT:
            is_essential = not self.has_key and request.params["snapshot_date"] == f"{newest_snapshot}"
        # The client refetches what cannot be parsed in a sweep model by model.
        pause = None if request.surface is ENDPOINTS else self._client.pause
        return FetchTask(url, lambda: self._ask(request), request.requests, is_essential, pause)

    def _ask(self, request: Request) -> Response:
        models = self._model_ids() if request.surface is ENDPOINTS else ()
        try:
            return self._client.fetch(request.surface, request.params, models)
        except NotFoundError:
            if request.surface is RANKINGS_EXPORT:
                self._absent.add(dt.date.fromisoformat(request.params["snapshot_date"]))
            raise

    def _model_ids(self) -> list[str]:
        """Ids of the newest list of models at the clock."""
        now = self._client.clock.now()
        lists = [
            (told["as_of"], path)
            for told, path in zip(self._lake.responses(MODELS.name), self._lake.files(MODELS.name), strict=True)
            if dt.datetime.fromisoformat(told["as_of"]) <= now
        ]
        if not lists:
            raise ResponseError(
                "Endpoints are asked for by model, and there is no list of models yet. Nothing was asked."
            )
        return [str(one) for one in pq.ParquetFile(max(lists)[1]).read(columns=["id"]).column("id").to_pylist()]

    def is_essential(self, surface: Surface) -> bool:
        return surface in (MODELS, RANKINGS if self.has_key else RANKINGS_EXPORT)

    def explain(self) -> list[str]:
        if self.has_key:
            return ["With a key: every surface."]
        return [
            f"Without a key: {', '.join(_WITHOUT_KEY)}. A key from openrouter.ai/settings/keys in OPENROUTER_API_KEY "
            "adds rankings since 2025-01-01 with their slices, apps, tasks, session cost, benchmarks, and the "
            "endpoints' latency and throughput."
        ]


class Simulated(Live):
    """The synthetic OpenRouter, and the pipeline that has observed it for some time: all its dated observations."""

    waits = False
    kind: Kind = "simulated"

    def __init__(self, settings: Settings, lake: Lake) -> None:
        self._until = settings.now or default_now()
        self._clock = VirtualClock(self._until)
        self._simulator = Simulator(settings.simulation, self._clock.now, self._until.date(), self._clock.sleep)
        # The address tells which world it is, so that two are never taken for one.
        world = f"seed-{settings.simulation.seed}-models-{settings.simulation.models}"
        url = SIMULATOR_URL.replace("://", f"://{world}.")
        client = Client(url, SecretStr(SIMULATOR_KEY), RequestLog(), self._clock, self._simulator.handle)
        super().__init__(client, lake)
        self._schedules: dict[int, list[tuple[dt.datetime, Request]]] = {}
        # Daily windows of apps reach back as far as the pipeline has run, and a month more.
        self._observed = settings.simulation.observations
        self._apps_since = self._until.date() - dt.timedelta(days=self._observed + 30)
        days = settings.simulation.days
        self._since = planner.FIRST_DAY if days is None else self._until.date() - dt.timedelta(days=days)

    @property
    def now(self) -> dt.datetime:
        return self._until

    def plan(self, options: FetchOptions = DUE_ONLY, newest_snapshot: dt.date | None = None) -> tuple[Plan, Plan]:
        if options.window:
            return super().plan(options)
        found = self.observed()
        for moment, request in self._past():
            found.add(request.surface, request.params, moment, moment)
        whole = planner.plan(
            found,
            self._until,
            has_key=True,
            newest_snapshot=newest_snapshot,
            refetch=options.refetch,
            since=self._since,
            apps_since=self._apps_since,
        )
        return whole.within(REQUESTS_PER_DAY)

    def fetch_tasks(self, surface: Surface, options: FetchOptions) -> tuple[Sequence[FetchTask], int]:
        self._clock.set(self._until)
        held = self._lake.responses(surface.name)
        if any(not told["request_url"].startswith(self._client.base_url) for told in held):
            raise LakeError(
                f"The lake {self._lake.root} holds another simulated world than that of {self._client.base_url}. "
                "Nothing was written. Give this one a folder of its own with ROUTERSCOPE_DATA_DIR, or the other's "
                "seed and models."
            )
        present, left = super().fetch_tasks(surface, options)
        asked: dict[object, list[dt.datetime]] = {}
        for told in held:
            fetched_at = dt.datetime.fromisoformat(told["fetched_at"])
            asked.setdefault(planner.key(surface, told["request"]), []).append(fetched_at)
        found = []
        for moment, request in self._past():
            # The clock may stand at another hour today, and waiting for the quota moves what is asked for by minutes.
            times = asked.get(planner.key(surface, request.params), ())
            if request.surface is surface and not any(at.date() == moment.date() for at in times):
                question = self._question(request)
                label = f"{question.label} on {moment.date()}"
                found.append(replace(question, label=label, ask=self._at(moment, question.ask)))
        return [*found, *(replace(one, ask=self._at(self._until, one.ask)) for one in present)], left

    def _at(self, moment: dt.datetime, ask: Callable[[], Response]) -> Callable[[], Response]:
        def asked() -> Response:
            self._clock.set(moment)
            return ask()

        return asked

    def _past(self) -> list[tuple[dt.datetime, Request]]:
        """What the pipeline asked for on each day before: totals and prices daily, the rest weekly, no slices.

        It began where the lake begins, so that a later clock goes on from there.
        """
        told = [told["fetched_at"] for surface in SURFACES for told in self._lake.responses(surface)]
        begun = dt.datetime.fromisoformat(min(told)).date() if told else None
        days = self._observed if begun is None else (self._until.date() - begun).days
        if days not in self._schedules:
            self._schedules[days] = list(self._schedule(days))
        return self._schedules[days]

    def _schedule(self, days: int) -> Iterable[tuple[dt.datetime, Request]]:
        found = planner.Observed()
        for number in range(days):
            moment = self._until - dt.timedelta(days=days - number)
            is_weekly = number % 7 == 0
            due = planner.plan(
                found,
                moment,
                has_key=True,
                newest_snapshot=moment.date() if is_weekly else None,
                slices=False,
                sweep=False,
                since=self._since,
                apps_since=self._apps_since,
            )
            for request in due.within(REQUESTS_PER_DAY)[0].requests:
                if is_weekly or request.surface.name in ("rankings", "models", "apps"):
                    found.add(request.surface, request.params, moment, moment)
                    yield moment, request

    def report_to(self, log: Callable[[str], None]) -> None:
        """Waiting takes no time here, and a sweep less than a second."""

    def explain(self) -> list[str]:
        until = f"{self._until:%Y-%m-%d %H:%M} UTC"
        return [f"Simulated: invented models, providers and apps, up to {until}. No figure is real."]


def fetch_options(source: Source, first: str, last: str, refetch: bool) -> FetchOptions:
    """What a person wants beyond what is due: days as YYYY-MM-DD, both or neither. Raises SettingsError."""
    if not (first or last):
        return FetchOptions(refetch=refetch)
    if isinstance(source, Live) and not source.has_key:
        raise SettingsError(
            "Days of one's choice are asked for with a key only, and OPENROUTER_API_KEY is not set. Nothing was asked. "
            "Set it, or leave the days out."
        )
    try:
        if not (first and last):
            raise ValueError("one of the two is missing")  # noqa: TRY301  # one sentence for all that can be wrong
        window = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
        planner.backfill(*window, source.now.date())
    except ValueError as error:
        raise SettingsError(
            f"The days from {first!r} to {last!r} cannot be asked for: {error}. Nothing was asked. Give both as "
            "YYYY-MM-DD, or neither."
        ) from error
    return FetchOptions(window, refetch)


def open_source(settings: Settings, lake: Lake, clock: Clock | None = None) -> Source:
    """The source that the settings name; `clock` is the live one's. Raises SettingsError if it cannot be opened."""
    if settings.source == "replay":
        assert settings.replay_dir is not None  # noqa: S101  # the settings have checked it
        return Replay(Recordings(settings.replay_dir, settings.now))
    if settings.source == "simulator":
        return Simulated(settings, lake)
    client = Client(str(settings.base_url), settings.api_key, RequestLog(settings.data / "requests.sqlite"), clock)
    return Live(client, lake)
