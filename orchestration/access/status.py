"""How fresh and complete a published release is, on its clock, and which files of its data folder are damaged.

The thresholds are in the seed `freshness`. Exit codes and wording belong to the command line.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from orchestration.access.release import PublishedRelease
from orchestration.clock import parse_timestamp
from orchestration.errors import RequestLogError
from orchestration.folders import CLAIM_HISTORY
from orchestration.formatting import iso_timestamp
from orchestration.openrouter.quota import REQUEST_LOG, remaining_today
from orchestration.publish.claim_history import damaged_files
from orchestration.publish.freshness import Measure, State, measures, surfaces, worst_state
from orchestration.storage.last_run import LAST_RUN, LastRun, last_run
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
    `last_run` is None if no run was recorded. `problems` has a sentence for each damaged file beside the release.
    """

    clock: dt.datetime
    measures: list[Measure]
    gaps: list[Gap]
    never_observed: list[str]
    quota_left_today: int | None
    rejected: str | None
    last_run: LastRun | None
    problems: list[str]

    @property
    def worst(self) -> State:
        """The worst state of all measures. An essential surface without any measure counts as too old."""
        return worst_state(self.measures, surfaces())


def status_of(release: PublishedRelease) -> ReleaseStatus:
    """The status of a release on its clock."""
    now = release.clock
    found = measures(release.connection, now)
    left, quota_problems = quota_left(release.data, now)
    since = now.date() - dt.timedelta(days=GAP_WINDOW_DAYS)
    return ReleaseStatus(
        clock=now,
        measures=found,
        gaps=[Gap(*row) for row in release.connection.execute(_GAPS, [since]).fetchall()],
        never_observed=sorted(set(surfaces()) - {measure.surface for measure in found}),
        quota_left_today=left,
        rejected=rejected_since(release.data, parse_timestamp(release.package["created"])),
        last_run=last_run(release.data),
        problems=[*quota_problems, *problems_of(release.data)],
    )


def problems_of(data: Path) -> list[str]:
    """A sentence for each damaged file of a data folder, other than the release and the request log."""
    problems = []
    warehouse = Warehouse(data)
    if warehouse.is_damaged():
        problems.append(f"{warehouse.path} is damaged. The next run sets it aside and builds a new one.")
    if (data / LAST_RUN).exists() and last_run(data) is None:
        problems.append(f"{data / LAST_RUN} is damaged. The next run replaces it.")
    problems += [
        f"{path} is damaged. Restore it from a backup: it has versions of claims that no run can make again."
        for path in damaged_files(data / CLAIM_HISTORY)
    ]
    return problems


def quota_left(data: Path, now: dt.datetime) -> tuple[int | None, list[str]]:
    """Requests that the quota of the UTC day still allows, None if unknown or never counted; and what is damaged."""
    path = data / REQUEST_LOG
    try:
        return (remaining_today(path, now) if path.exists() else None), []
    except RequestLogError as error:
        return None, [str(error)]


def rejected_since(data: Path, since: dt.datetime) -> str | None:
    """The time and the reasons of the newest rejection, if it is later."""
    rejection = Warehouse(data).rejection()
    if rejection is None or rejection.rejected_at <= since:
        return None
    return f"{iso_timestamp(rejection.rejected_at)}: {rejection.reasons}"
