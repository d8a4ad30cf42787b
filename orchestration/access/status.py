"""How fresh and complete a published release is, on its clock.

The thresholds are in the seed `freshness`. Exit codes and wording belong to the command line.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from orchestration.access.release import PublishedRelease
from orchestration.formatting import iso_timestamp
from orchestration.openrouter.quota import REQUEST_LOG, RequestLog
from orchestration.publish.freshness import Measure, State, measures, surfaces, worst_state
from orchestration.storage.last_run import LastRun, last_run
from orchestration.storage.warehouse import Warehouse

GAP_WINDOW_DAYS = 28
_GAPS = """
    select surface, date, gap_reason
    from coverage
    where slice = 'all' and gap_reason is not null and gap_reason <> 'in_progress'
        and surface in ('rankings', 'apps') and date > ?
    order by date, surface
"""


@dataclass(frozen=True)
class Gap:
    """A day that a surface lacks, and why."""

    surface: str
    date: dt.date
    reason: str


@dataclass(frozen=True)
class ReleaseStatus:
    """`measures` against their thresholds; days missing within GAP_WINDOW_DAYS; surfaces that were never observed.

    `quota_left_today` is None if no key was used. `rejected` is when and why a newer build was rejected, or None.
    `last_run` is None if no run was recorded.
    """

    clock: dt.datetime
    measures: list[Measure]
    gaps: list[Gap]
    never_observed: list[str]
    quota_left_today: int | None
    rejected: str | None
    last_run: LastRun | None

    @property
    def worst(self) -> State:
        """The worst state of all measures. An essential surface without any measure counts as too old."""
        return worst_state(self.measures, surfaces())


def status_of(release: PublishedRelease) -> ReleaseStatus:
    """The status of a release on its clock."""
    now = release.clock
    found = measures(release.connection, now)
    since = now.date() - dt.timedelta(days=GAP_WINDOW_DAYS)
    return ReleaseStatus(
        clock=now,
        measures=found,
        gaps=[Gap(*row) for row in release.connection.execute(_GAPS, [since]).fetchall()],
        never_observed=sorted(set(surfaces()) - {measure.surface for measure in found}),
        quota_left_today=_quota_left(release, now),
        rejected=_rejected(release),
        last_run=last_run(release.data),
    )


def _quota_left(release: PublishedRelease, now: dt.datetime) -> int | None:
    path = release.data / REQUEST_LOG
    return RequestLog(path).remaining_today(now) if path.exists() else None


def _rejected(release: PublishedRelease) -> str | None:
    """The time and the reasons of the newest rejection, if it is newer than the release."""
    rejection = Warehouse(release.data).rejection()
    if rejection is None or rejection.rejected_at <= dt.datetime.fromisoformat(release.package["created"]):
        return None
    return f"{iso_timestamp(rejection.rejected_at)}: {rejection.reasons}"
