"""The simulated OpenRouter in this process, as if the pipeline had observed it daily for some time.

It differs from `Live` only in the client's transport and in the tasks for past days, whose fetches set the clock back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from pydantic import SecretStr

from orchestration.clock import VirtualClock
from orchestration.errors import LakeError
from orchestration.formatting import timestamp_in_words
from orchestration.ingest import planner
from orchestration.ingest.coverage import Coverage, request_key
from orchestration.ingest.planner import Plan, Request
from orchestration.ingest.sources.interface import DUE_ONLY, FetchOptions, FetchTask
from orchestration.ingest.sources.live import Live
from orchestration.openrouter.client import Client
from orchestration.openrouter.quota import REQUESTS_PER_DAY, RequestLog
from orchestration.openrouter.simulator import Simulator
from orchestration.openrouter.simulator.api import BASE_URL as SIMULATOR_URL
from orchestration.openrouter.simulator.api import KEY as SIMULATOR_KEY
from orchestration.openrouter.simulator.api import MAX_WAITS, default_now
from orchestration.openrouter.surfaces import APPS, MODELS, RANKINGS, SURFACES, Response, Surface
from orchestration.settings import Settings
from orchestration.storage.lake import Kind, Lake

# These surfaces are observed on every past day; the others once a week, to keep the lake small.
_DAILY = (RANKINGS, MODELS, APPS)


class Simulated(Live):
    """The simulator as a source: all its dated responses up to the clock, then what is due now."""

    is_rate_limited = False
    kind: Kind = "simulated"

    def __init__(self, settings: Settings, lake: Lake) -> None:
        self._until = settings.now or default_now(dt.datetime.now(dt.UTC))
        self._clock = VirtualClock(self._until)
        self._simulator = Simulator(settings.simulation, self._clock.now, self._until.date(), self._clock.sleep)
        # The address names the simulated data set, so that a lake never mixes two of them.
        world = f"seed-{settings.simulation.seed}-models-{settings.simulation.models}"
        url = SIMULATOR_URL.replace("://", f"://{world}.")
        client = Client(url, SecretStr(SIMULATOR_KEY), RequestLog(), self._clock, self._simulator.handle)
        super().__init__(client, lake)
        self._schedules: dict[int, list[tuple[dt.datetime, Request]]] = {}
        # Daily windows of apps reach back as far as the pipeline has run, and 30 days more.
        self._days_observed = settings.simulation.observations
        self._apps_since = self._until.date() - dt.timedelta(days=self._days_observed + 30)
        days = settings.simulation.days
        self._since = planner.FIRST_DAY if days is None else self._until.date() - dt.timedelta(days=days)

    @property
    def now(self) -> dt.datetime:
        return self._until

    def plan(self, options: FetchOptions = DUE_ONLY, newest_snapshot: dt.date | None = None) -> tuple[Plan, Plan]:
        if options.window:
            return super().plan(options)
        coverage = self.coverage()
        for moment, request in self._past_requests():
            coverage.add(request.surface, request.params, moment, moment)
        due = planner.plan(
            coverage,
            self._until,
            has_key=True,
            newest_snapshot=newest_snapshot,
            refetch_all=options.refetch,
            since=self._since,
            apps_since=self._apps_since,
        )
        return due.within(REQUESTS_PER_DAY)

    def fetch_tasks(self, surface: Surface, options: FetchOptions) -> tuple[Sequence[FetchTask], int]:
        self._clock.set(self._until)
        responses = self._lake.responses(surface.name)
        if any(not response["request_url"].startswith(self._client.base_url) for response in responses):
            raise LakeError(
                f"The lake {self._lake.root} holds a simulated world other than {self._client.base_url}. Nothing was "
                "written. Use a separate folder for this world (ROUTERSCOPE_DATA_DIR), or set seed and models in "
                "ROUTERSCOPE_SIMULATOR to those that the lake was built with."
            )
        present, requests_deferred = super().fetch_tasks(surface, options)
        fetched: dict[object, set[dt.date]] = {}
        for response in responses:
            date = dt.datetime.fromisoformat(response["fetched_at"]).date()
            fetched.setdefault(request_key(surface, response["request"]), set()).add(date)
        past = []
        for moment, request in self._past_requests():
            # Compared by day: the clock may have another hour today, and waiting for the quota moves it by minutes.
            dates = fetched.get(request_key(surface, request.params), set())
            if request.surface is surface and moment.date() not in dates:
                task = self._task(request)
                label = f"{task.label} on {moment.date()}"
                past.append(replace(task, label=label, fetch=self._at(moment, task.fetch)))
        present = [replace(task, fetch=self._at(self._until, task.fetch)) for task in present]
        return [*past, *present], requests_deferred

    def _at(self, moment: dt.datetime, fetch: Callable[[], Response]) -> Callable[[], Response]:
        """The fetch at that time of the simulator's clock, early enough that waiting stays within the day.

        A response that is fetched after midnight would count for the next day, and be due again on its own.
        """
        midnight = dt.datetime.combine(moment.date() + dt.timedelta(days=1), dt.time(), dt.UTC)
        begin = min(moment, midnight - MAX_WAITS)

        def fetch_at_moment() -> Response:
            self._clock.set(begin)
            return fetch()

        return fetch_at_moment

    def _past_requests(self) -> list[tuple[dt.datetime, Request]]:
        """The requests of each day before today, with the time of each.

        It begins where the lake begins, so that a later clock continues the same history.
        """
        fetched_at = [response["fetched_at"] for surface in SURFACES for response in self._lake.responses(surface)]
        days = self._days_observed
        if fetched_at:
            days = (self._until.date() - dt.datetime.fromisoformat(min(fetched_at)).date()).days
        if days not in self._schedules:
            self._schedules[days] = list(self._schedule(days))
        return self._schedules[days]

    def _schedule(self, days: int) -> Iterable[tuple[dt.datetime, Request]]:
        coverage = Coverage()
        for number in range(days):
            moment = self._until - dt.timedelta(days=days - number)
            is_weekly = number % 7 == 0
            due = planner.plan(
                coverage,
                moment,
                has_key=True,
                newest_snapshot=moment.date() if is_weekly else None,
                with_slices=False,
                refetch_weekly=False,
                since=self._since,
                apps_since=self._apps_since,
            )
            for request in due.within(REQUESTS_PER_DAY)[0].requests:
                if is_weekly or request.surface in _DAILY:
                    coverage.add(request.surface, request.params, moment, moment)
                    yield moment, request

    def report_to(self, log: Callable[[str], None]) -> None:
        """Nothing to report: waits are virtual, and all endpoints take less than a second."""

    def explain(self) -> list[str]:
        until = timestamp_in_words(self._until)
        return [f"Simulated: invented models, providers and apps, up to {until}. No figure is real."]
