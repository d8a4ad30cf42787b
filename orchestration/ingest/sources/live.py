"""OpenRouter's API, or a server at the base URL: fetches what the lake lacks, within the key's quota.

`planner` decides what is due, and `openrouter.client` fetches it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Sequence

import pyarrow.parquet as pq

from orchestration.errors import NotFoundError, ResponseError, SourceError
from orchestration.ingest import planner
from orchestration.ingest.coverage import Coverage, coverage_of
from orchestration.ingest.planner import Plan, Request
from orchestration.ingest.sources.interface import DUE_ONLY, FetchOptions, FetchTask
from orchestration.openrouter.client import Client
from orchestration.openrouter.essential import is_essential, is_essential_request
from orchestration.openrouter.surfaces import ENDPOINTS, MODELS, RANKINGS_EXPORT, SURFACES, Response, Surface
from orchestration.storage.lake import Kind, Lake

# An older index of the export is refetched.
_MAX_INDEX_AGE = dt.timedelta(hours=1)


class Live:
    """The live API as a source."""

    is_rate_limited = True
    is_recorded = False

    def __init__(self, client: Client, lake: Lake) -> None:
        self._client, self._lake = client, lake
        self._has_tried_kind = False
        self._absent_snapshots: set[dt.date] = set()
        self._index: tuple[dt.datetime, dt.date | None] | None = None  # when it was fetched, and its newest snapshot

    @property
    def now(self) -> dt.datetime:
        return self._client.clock.now()

    @property
    def kind(self) -> Kind | None:
        """Every response reports its kind, so the export's index, which costs no quota, is fetched first."""
        if self._client.is_simulated is None and not self._has_tried_kind:
            self._has_tried_kind = True
            with contextlib.suppress(SourceError, ResponseError):
                self.newest_snapshot()
        if self._client.is_simulated is None:
            return None
        return "simulated" if self._client.is_simulated else "real"

    @property
    def has_key(self) -> bool:
        return self._client.has_key

    def is_reachable(self) -> bool:
        """Whether the API responds within seconds."""
        return self._client.is_reachable()

    def why_empty(self, surface: Surface) -> str:
        return "fetched only with a key" if surface.needs_key and not self.has_key else "no responses in the lake"

    def report_to(self, log: Callable[[str], None]) -> None:
        self._client.log = self._client.request_log.log = log

    def coverage(self) -> Coverage:
        """What the lake covers."""
        return coverage_of(
            (surface, metadata) for surface in SURFACES.values() for metadata in self._lake.responses(surface.name)
        )

    def plan(self, options: FetchOptions = DUE_ONLY, newest_snapshot: dt.date | None = None) -> tuple[Plan, Plan]:
        """What is fetched now, and what is deferred until there is quota again."""
        if options.window:
            due = planner.backfill(*options.window, self.now.date())
        else:
            due = planner.plan(
                self.coverage(),
                self.now,
                has_key=self.has_key,
                newest_snapshot=newest_snapshot,
                refetch_all=options.refetch,
                absent_snapshots=frozenset(self._absent_snapshots),
            )
        return due.within(self._client.request_log.remaining_today(self.now) if self.has_key else 0)

    def newest_snapshot(self) -> dt.date | None:
        """Day of the newest snapshot; None if the source publishes no export. Raises SourceError, ResponseError."""
        if self._index is None or self._client.clock.now() - self._index[0] > _MAX_INDEX_AGE:
            try:
                newest = self._client.newest_snapshot()
            except NotFoundError:
                newest = None
            self._index = (self._client.clock.now(), newest)
        return self._index[1]

    def fetch_tasks(self, surface: Surface, options: FetchOptions) -> tuple[Sequence[FetchTask], int]:
        newest = self.newest_snapshot() if surface is RANKINGS_EXPORT and not options.window else None
        now, deferred = self.plan(options, newest)
        requests_deferred = sum(request.requests for request in deferred.for_surface(surface).requests)
        return [self._task(request, newest) for request in now.for_surface(surface).requests], requests_deferred

    def _task(self, request: Request, newest_snapshot: dt.date | None = None) -> FetchTask:
        return FetchTask(
            label=request.surface.request_url(request.params, self._client.base_url),
            fetch=lambda: self._fetch(request),
            requests=request.requests,
            is_essential=is_essential_request(
                request.surface, request.params, has_key=self.has_key, newest_snapshot=newest_snapshot
            ),
            # The client itself refetches endpoints, one model at a time.
            pause=None if request.surface is ENDPOINTS else self._client.pause,
        )

    def _fetch(self, request: Request) -> Response:
        models = self._model_ids() if request.surface is ENDPOINTS else ()
        try:
            return self._client.fetch(request.surface, request.params, models)
        except NotFoundError:
            if request.surface is RANKINGS_EXPORT:
                self._absent_snapshots.add(dt.date.fromisoformat(request.params["snapshot_date"]))
            raise

    def _model_ids(self) -> list[str]:
        """Ids of the newest list of models at the clock. Raises ResponseError if the lake has none."""
        now = self._client.clock.now()
        lists = [
            (metadata["as_of"], path)
            for metadata, path in zip(self._lake.responses(MODELS.name), self._lake.files(MODELS.name), strict=True)
            if dt.datetime.fromisoformat(metadata["as_of"]) <= now
        ]
        if not lists:
            raise ResponseError(
                "Endpoints are fetched model by model, and the lake has no list of models yet. No endpoints were "
                "fetched. Run the job `refresh`, which fetches models first."
            )
        return [str(one) for one in pq.ParquetFile(max(lists)[1]).read(columns=["id"]).column("id").to_pylist()]

    def is_essential(self, surface: Surface) -> bool:
        return is_essential(surface, has_key=self.has_key)

    def explain(self) -> list[str]:
        if self.has_key:
            return ["With a key: every surface."]
        keyless = [surface for surface in SURFACES.values() if not surface.needs_key]
        keyless.sort(key=lambda surface: surface is not RANKINGS_EXPORT)  # the rankings first
        return [
            f"Without a key: {', '.join(surface.name for surface in keyless)}. A key from openrouter.ai/settings/keys "
            "in OPENROUTER_API_KEY adds rankings since 2025-01-01 with their slices, apps, tasks, session cost, "
            "benchmarks, and the endpoints' latency and throughput."
        ]
