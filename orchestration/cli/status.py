"""`routerscope status`: how fresh and complete the published release is, and how the last run ended."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from orchestration.access.release import PublishedRelease, open_release
from orchestration.access.status import GAP_WINDOW_DAYS, ReleaseStatus, status_of
from orchestration.cli.dagster_home import dagster_home
from orchestration.cli.terminal import Data, ExitCode, out
from orchestration.openrouter.quota import REQUESTS_PER_DAY
from orchestration.publish.datapackage import SIMULATED

_STYLES = {"fresh": "green", "stale": "yellow", "too old": "red"}
_VERDICTS = {
    ExitCode.OK: "Fresh and complete.",
    ExitCode.DOUBTFUL: "Usable, but check the warnings below.",
    ExitCode.INVALID: "Some data is too old.",
}


def status(
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show how fresh and complete the release is.

    Lists the age of each surface against its thresholds, missing days, the API quota left today and the result of the
    last run.
    """
    with open_release(data) as release:
        found = status_of(release)
        shown = _as_json(release, found)
    is_doubtful = found.worst == "stale" or found.rejected is not None
    code = ExitCode.INVALID if found.worst == "too old" else ExitCode.DOUBTFUL if is_doubtful else ExitCode.OK
    if as_json:
        typer.echo(json.dumps(shown, indent=1))
    else:
        _show(shown, code)
    raise typer.Exit(code)


def _as_json(release: PublishedRelease, found: ReleaseStatus) -> dict[str, Any]:
    """The status under the keys of `--json`, which do not change."""
    return {
        "data": str(release.data),
        "generation": release.package["generation"],
        "source": release.package["made"]["source"],
        "is_simulated": release.package["is_simulated"],
        "clock": found.clock.isoformat(),
        "measures": [asdict(measure) | {"state": measure.state} for measure in found.measures],
        "missing_days": [{"surface": gap.surface, "date": str(gap.date), "reason": gap.reason} for gap in found.gaps],
        "never_observed": found.never_observed,
        "quota_left_today": found.quota_left_today,
        "last_run": _last_run(release.data),
        "rejected": found.rejected,
    }


def _last_run(data: Path) -> dict[str, str] | None:
    """Id, state and end of the newest run in this data folder, from Dagster's history; None if there is none."""
    home = dagster_home(data)
    if not home.is_dir():
        return None
    import dagster as dg
    from sqlalchemy.exc import SQLAlchemyError

    from orchestration.defs.runs import DATA_TAG

    try:
        with dg.DagsterInstance.from_config(str(home)) as instance:
            # A home of the user's choice can hold the runs of several data folders.
            records = instance.get_run_records(dg.RunsFilter(tags={DATA_TAG: str(data)}), limit=1)
    except SQLAlchemyError:  # Dagster opens its history for writing, which fails on a read-only disk
        return None
    if not records:
        return None
    end = records[0].end_time
    ended = dt.datetime.fromtimestamp(end, dt.UTC).isoformat(timespec="seconds") if end else "not yet"
    run = records[0].dagster_run
    return {"run_id": run.run_id, "state": run.status.value, "ended": ended}


def _show(shown: dict[str, Any], code: ExitCode) -> None:
    if shown["is_simulated"]:
        out.print(f"[bold red]{SIMULATED}[/]")
    source, data = shown["source"], escape(shown["data"])
    out.print(f"[bold]{_VERDICTS[code]}[/] Source {source}, data in {data}", soft_wrap=True)
    out.print(f"Release {shown['generation']}, status as of {shown['clock']}\n", soft_wrap=True)
    table = Table("surface", "measure", box=None, pad_edge=False)
    for column in ("value", "stale above", "too old above"):
        table.add_column(column, justify="right")
    table.add_column("state")
    for measure in shown["measures"]:
        value = f"{round(measure['value'], 1) + 0:.1f}"  # + 0 turns -0.0 into 0.0
        limits = (f"{measure['warn_above']:g}", f"{measure['error_above']:g}")
        state = f"[{_STYLES[measure['state']]}]{measure['state']}[/]"
        table.add_row(measure["surface"], measure["name"], value, *limits, state)
    out.print(table)
    missing = ", ".join(f"{gap['date']} ({gap['surface']}: {gap['reason']})" for gap in shown["missing_days"])
    out.print(f"\nMissing within {GAP_WINDOW_DAYS} days: {missing or 'nothing'}", soft_wrap=True)
    out.print(f"Never observed: {', '.join(shown['never_observed']) or 'nothing'}", soft_wrap=True)
    left = shown["quota_left_today"]
    out.print(
        f"Quota left today: {f'{left} of {REQUESTS_PER_DAY} requests' if left is not None else 'no key was used'}"
    )
    run = shown["last_run"]
    if run:
        ended = "not ended yet" if run["ended"] == "not yet" else f"ended {run['ended']}"
        out.print(f"Last run: {run['state']}, {ended} ({run['run_id'][:8]})")
    else:
        out.print("Last run: none found")
    if shown["rejected"]:
        out.print(f"[yellow]A newer build was rejected[/] on {escape(shown['rejected'])}", soft_wrap=True)
