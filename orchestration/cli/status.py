"""`routerscope status`: how fresh and complete the published release is, and how the last run ended."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from orchestration.cli.terminal import Data, ExitCode, out

if TYPE_CHECKING:
    from orchestration.access.release import PublishedRelease
    from orchestration.access.status import ReleaseStatus
    from orchestration.storage.last_run import LastRun

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
    from orchestration.access.release import open_release
    from orchestration.access.status import status_of

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
        "last_run": _as_keys(found.last_run),
        "rejected": found.rejected,
    }


def _as_keys(run: LastRun | None) -> dict[str, str] | None:
    if run is None:
        return None
    state = "FAILURE" if run.is_killed else run.state
    return {"run_id": run.run_id, "state": state, "ended": run.ended or ("killed" if run.is_killed else "not yet")}


def _show(shown: dict[str, Any], code: ExitCode) -> None:
    from orchestration.access.status import GAP_WINDOW_DAYS
    from orchestration.openrouter.quota import REQUESTS_PER_DAY
    from orchestration.publish.datapackage import SIMULATED

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
        ended = {"not yet": "not ended yet", "killed": "killed"}.get(run["ended"], f"ended {run['ended']}")
        out.print(f"Last run: {run['state']}, {ended} ({run['run_id'][:8]})")
    else:
        out.print("Last run: none found")
    if shown["rejected"]:
        out.print(f"[yellow]A newer build was rejected[/] on {escape(shown['rejected'])}", soft_wrap=True)
