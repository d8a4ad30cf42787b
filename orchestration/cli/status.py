"""`routerscope status`: how fresh and complete the published release is, and how the last run ended."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from orchestration.cli.terminal import Data, ExitCode, err, out
from orchestration.errors import QueryError
from orchestration.folders import data_folder
from orchestration.storage.last_run import LastRun, last_run

if TYPE_CHECKING:
    from orchestration.access.release import PublishedRelease
    from orchestration.access.status import ReleaseStatus

_STYLES = {"fresh": "green", "stale": "yellow", "too old": "red"}
_VERDICTS = {
    ExitCode.OK: "Fresh and complete.",
    ExitCode.DOUBTFUL: "Usable. See the warnings below.",
    ExitCode.INVALID: "Some data is too old. See the warnings below.",
}
# Measure → what it is, and the finding if it is above its limit.
_MEASURES = {
    "newest_day_hours": ("hours since the newest complete day ended", "the newest complete day ended {} ago"),
    "as_of_hours": ("hours since the source made the newest response", "the source made the newest response {} ago"),
    "checked_hours": ("hours since a run fetched the newest response", "a run fetched the newest response {} ago"),
    "days_missing": ("days without a response, of the last 28", "{} missing within 28 days"),
    "days_to_restate": ("days not fetched since the source may have revised them", "{} may have been revised since"),
    "price_hours": ("hours since the prices that usage is joined to were listed", "prices of usage are {} old"),
}
_UNLIMITED = 1_000
# One of them is enough to say how old a surface is.
_AGES = ("newest_day_hours", "as_of_hours", "checked_hours")


def status(
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show how fresh and complete the release is.

    Lists the age of each surface against its limits, missing days, the API quota left today, the result of the last
    run, and damaged files of the data folder. A surface above a limit is a warning.
    """
    from orchestration.access.release import open_release
    from orchestration.access.status import status_of

    folder = data_folder(data)
    try:
        with open_release(folder) as release:
            found = status_of(release)
            shown = _as_json(release, found)
    except QueryError as error:
        if not folder.is_dir():
            raise
        raise typer.Exit(_show_without_release(folder, error, as_json)) from error
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
        "last_run": _as_keys(found.last_run, release.data),
        "rejected": found.rejected,
        "problems": found.problems,
    }


def _show_without_release(folder: Path, error: QueryError, as_json: bool) -> ExitCode:
    """What can be said of a data folder whose release cannot be read: the other keys are null, or empty lists."""
    from orchestration.access.status import problems_of, quota_left, rejected_since

    shown: dict[str, Any] = dict.fromkeys(("data", "generation", "source", "is_simulated", "clock"))
    shown |= {"data": str(folder), "measures": [], "missing_days": [], "never_observed": []}
    shown["quota_left_today"], quota_problems = quota_left(folder, dt.datetime.now(dt.UTC))
    shown["last_run"] = _as_keys(last_run(folder), folder)
    shown["rejected"] = rejected_since(folder, dt.datetime.min.replace(tzinfo=dt.UTC))
    shown["problems"] = [str(error), *quota_problems, *problems_of(folder)]
    if as_json:
        typer.echo(json.dumps(shown, indent=1))
        return ExitCode.FAILED
    err.print(escape(str(error)), soft_wrap=True)
    for problem in shown["problems"][1:]:
        out.print(escape(problem), soft_wrap=True)
    if shown["rejected"]:
        out.print(f"A build was rejected on {escape(shown['rejected'])}", soft_wrap=True)
    _show_last_run(shown["last_run"])
    return ExitCode.FAILED


def _as_keys(run: LastRun | None, data: Path) -> dict[str, str] | None:
    if run is None:
        return None
    is_killed = run.is_killed(data)
    state = "FAILURE" if is_killed else run.state
    return {"run_id": run.run_id, "state": state, "ended": run.ended or ("killed" if is_killed else "not yet")}


def _show(shown: dict[str, Any], code: ExitCode) -> None:
    from orchestration.access.mirror import is_mirror
    from orchestration.access.status import GAP_WINDOW_DAYS
    from orchestration.openrouter.quota import REQUEST_LOG, REQUESTS_PER_DAY
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
        limits = (f"{measure['warn_above']:g}", f"{measure['error_above']:g}")
        state = f"[{_STYLES[measure['state']]}]{measure['state']}[/]"
        table.add_row(measure["surface"], measure["name"], _number(measure), *limits, state)
    if Measurement.get(out, out.options.update(max_width=_UNLIMITED), table).maximum <= out.width:
        out.print(table)
    else:
        _show_in_lines(shown["measures"])
    out.print()
    for name in dict.fromkeys(measure["name"] for measure in shown["measures"]):
        out.print(f"{name:16}  {_MEASURES[name][0]}")
    out.print("The limits have their reasons in seeds/freshness.csv.")
    for line in _warnings(shown):
        out.print(line, soft_wrap=True)
    missing = ", ".join(f"{gap['date']} ({gap['surface']}: {gap['reason']})" for gap in shown["missing_days"])
    out.print(f"\nMissing within {GAP_WINDOW_DAYS} days: {missing or 'nothing'}", soft_wrap=True)
    out.print(f"Never observed: {', '.join(shown['never_observed']) or 'nothing'}", soft_wrap=True)
    if is_mirror(Path(shown["data"])):
        out.print("The quota left today and the last run are known on the hosts that run.")
        return
    left = shown["quota_left_today"]
    is_unknown = (Path(shown["data"]) / REQUEST_LOG).exists()
    unlimited = "unknown" if is_unknown else "no key was used"
    out.print(f"Quota left today: {f'{left} of {REQUESTS_PER_DAY} requests' if left is not None else unlimited}")
    _show_last_run(shown["last_run"])


def _show_last_run(run: dict[str, str] | None) -> None:
    if run:
        ended = {"not yet": "not ended yet", "killed": "killed"}.get(run["ended"], f"ended {run['ended']}")
        out.print(f"Last run: {run['state']}, {ended} ({run['run_id'][:8]})")
    else:
        out.print("Last run: none found")


def _show_in_lines(measures: list[dict[str, Any]]) -> None:
    """The measures for a narrow terminal, in which the table would lose parts of names and numbers."""
    for measure in measures:
        state = f"[{_STYLES[measure['state']]}]{measure['state']}[/]"
        out.print(f"{measure['surface']} {measure['name']}: {_number(measure)} {state}")
        out.print(f"  stale above {measure['warn_above']:g}, too old above {measure['error_above']:g}")


def _warnings(shown: dict[str, Any]) -> list[str]:
    """A heading, a line for each surface above a limit and for a rejected build, and what to do; empty without any."""
    from orchestration.settings import RECORDED_SOURCES

    findings: dict[str, list[str]] = {}
    for surface in dict.fromkeys(measure["surface"] for measure in shown["measures"]):
        above = [one for one in shown["measures"] if one["surface"] == surface and one["state"] != "fresh"]
        ages = sorted((one for one in above if one["name"] in _AGES), key=lambda one: one["state"] != "too old")
        others = [one for one in above if one["name"] not in _AGES]
        findings[surface] = [_finding(one, shown["missing_days"]) for one in [*ages[:1], *others]]
    lines = [f"  {surface}: {'; '.join(found)}" for surface, found in findings.items() if found]
    if lines:
        lines.append(
            "  Recordings are old by design. For current data: make run SOURCE=live"
            if shown["source"] in RECORDED_SOURCES
            else f"  To fetch what is due: make run SOURCE={shown['source']}"
        )
    if shown["rejected"]:
        lines.append(f"  A newer build was rejected on {escape(shown['rejected'])}")
        lines.append("  To see the rows that failed: make ui")
    lines += [f"  {escape(problem)}" for problem in shown["problems"]]
    return ["\n[yellow]Warnings[/]", *lines] if lines else []


def _finding(measure: dict[str, Any], missing: list[dict[str, str]]) -> str:
    """What was found, the first example, and the limit that it is above."""
    is_too_old = measure["state"] == "too old"
    limit = measure["error_above" if is_too_old else "warn_above"]
    found = _MEASURES[measure["name"]][1].format(_amount(measure["value"], measure["unit"]))
    example = next((day["date"] for day in missing if day["surface"] == measure["surface"]), None)
    such_as = f", such as {example}" if example and measure["name"] == "days_missing" else ""
    return f"{found}{such_as} ({measure['state']} above {_amount(limit, measure['unit'])})"


def _amount(value: float, unit: str) -> str:
    """15.5 days; 30 hours."""
    if unit == "hours" and value >= 72:
        value, unit = value / 24, "days"
    number = f"{value:.1f}".removesuffix(".0")
    return f"{number} {unit.removesuffix('s') if number == '1' else unit}"


def _number(measure: dict[str, Any]) -> str:
    value = f"{measure['value']:.1f}" if measure["unit"] == "hours" else f"{measure['value']:.0f}"
    return value.removeprefix("-") if float(value) == 0 else value
