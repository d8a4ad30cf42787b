"""A month under the real daemon: every tick of every schedule, with the clock moved from one to the next.

    python tests/soak.py <folder> [--days 30] [--kills 2] [--asleep 0] [--postgres]

The clock of the daemon and of its child processes is set (see `moved_clock/`); their work takes its real time. Prints
the problems found and exits with 1 if there are any. Not part of `make test`: it takes an hour and a half. With
`--postgres`, Dagster's history is in a Postgres server, configured by deploy/dagster.yaml.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import datetime as dt
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import postgres

PROJECT = Path(__file__).resolve().parent.parent
WORLD = json.dumps({"models": 60, "days": 45, "observations": 8})
# As the schedules have them.
DAILY, PRICES, WEEKLY = dt.time(2, 10), (dt.time(8, 10), dt.time(14, 10), dt.time(20, 10)), dt.time(3, 40)
# In the past of the real clock, so that gRPC's waits on this clock end at once.
BEGIN = dt.datetime(2026, 10, 5, 1, tzinfo=dt.UTC)
MAX_RUN_SECONDS = 600
# Dagster's own daemon, with a scheduler that does not sleep until the next minute: the clock jumps.
DAEMON = """
from dagster._daemon.cli import main
from dagster._scheduler import scheduler
scheduler._get_next_scheduler_iteration_time = lambda started: started + 1
main()
"""


def ticks(days: int) -> list[tuple[dt.datetime, str]]:
    """Each tick with its schedule, in order of time."""
    found = []
    for number in range(days):
        day = BEGIN.date() + dt.timedelta(days=number)
        due = [(DAILY, "refresh_daily"), *((one, "refresh_prices_intraday") for one in PRICES)]
        due += [(WEEKLY, "refetch_rankings_weekly")] if day.weekday() == 0 else []
        found += [(dt.datetime.combine(day, one, dt.UTC), name) for one, name in due]
    return sorted(found)


def group_ticks(due: list[tuple[dt.datetime, str]], days_asleep: int) -> list[list[tuple[dt.datetime, str]]]:
    """The ticks that the daemon finds due each time the clock is set.

    In the last `days_asleep` days it sleeps from one night to the next. Of the ticks that it missed, it runs only the
    newest of each schedule.
    """
    last_day = due[-1][0].date()
    awake_until = last_day - dt.timedelta(days=days_asleep)
    groups: list[list[tuple[dt.datetime, str]]] = []
    missed: dict[str, dt.datetime] = {}
    for moment, name in due:
        missed[name] = moment
        if moment.date() <= awake_until or name == "refresh_daily" or (moment, name) == due[-1]:
            groups.append(sorted((tick, schedule) for schedule, tick in missed.items()))
            missed = {}
    return groups


class Receiver(http.server.ThreadingHTTPServer):
    """A webhook on loopback that keeps every alert it receives, duplicates too."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), AlertReceiver)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class AlertReceiver(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:  # the name is given by the library
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.alerts += body["alerts"]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Daemon:
    """The daemon, on a clock that this program sets."""

    def __init__(self, folder: Path, webhook: str) -> None:
        self._clock = folder / "clock"
        self._log = (folder / "daemon.log").open("a", encoding="utf-8")
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self._environment = {
            **{
                name: value for name, value in os.environ.items() if not name.startswith(("ROUTERSCOPE_", "TEST_CLOCK"))
            },
            "PYTHONPATH": os.pathsep.join([str(PROJECT / "tests" / "moved_clock"), str(PROJECT)]),
            "TEST_CLOCK": str(self._clock),
            "DAGSTER_DAEMON_HEARTBEAT_TOLERANCE": "1000000000",  # a jump of the clock is not a missing heartbeat
            "DAGSTER_HOME": str(folder / "home"),
            "ROUTERSCOPE_SOURCE": "simulator",
            "ROUTERSCOPE_SIMULATOR": WORLD,
            "ROUTERSCOPE_DATA_DIR": str(folder / "data"),
            "ROUTERSCOPE_ALERTS_WEBHOOK": webhook,
        }

    def set(self, moment: dt.datetime) -> None:
        """Set the clock; time goes on from there."""
        offset = (moment - dt.datetime.now(dt.UTC)).total_seconds()
        building = self._clock.with_suffix(".new")
        building.write_text(f"{offset:.0f}", encoding="utf-8")
        building.replace(self._clock)

    def start(self) -> None:
        """As `make up`, but with the code server started here: its heartbeats would fail on a clock that jumps."""
        programs = Path(sys.executable).parent
        self._run([sys.executable, "-m", "orchestration.cli", "tidy"]).wait(120)
        port = free_port()
        workspace = self._folder / "workspace.yaml"
        workspace.write_text(
            f"load_from: [{{grpc_server: {{host: 127.0.0.1, port: {port}, location_name: routerscope}}}}]",
            encoding="utf-8",
        )
        module = ["--module-name", "orchestration.definitions", "--location-name", "routerscope"]
        server = ["api", "grpc", "--host", "127.0.0.1", "--port", str(port), *module]
        self._processes = [self._run([str(programs / "dagster"), *server])]
        for _ in range(120):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(1)
        self._processes.append(self._run([sys.executable, "-c", DAEMON, "run", "--workspace", str(workspace)]))

    def _run(self, command: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command, cwd=PROJECT, env=self._environment, stdout=self._log, stderr=self._log, start_new_session=True
        )

    def kill(self) -> None:
        """Kill the daemon and all its child processes at once."""
        for process in self._processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def runs(folder: Path) -> list[tuple[str, str, str, str]]:
    """Id, schedule, tick and status of every scheduled run."""
    import dagster as dg

    with dg.DagsterInstance.from_config(str(folder / "home")) as instance:
        return [
            (
                run.run_id,
                run.tags["dagster/schedule_name"],
                run.tags[".dagster/scheduled_execution_time"],
                run.status.value,
            )
            for run in instance.get_runs()
            if "dagster/schedule_name" in run.tags
        ]


def wait_for(folder: Path, count: int, status: tuple[str, ...]) -> bool:
    """Wait until there are so many runs and the newest are in one of these states; False after MAX_RUN_SECONDS."""
    import dagster as dg

    with dg.DagsterInstance.from_config(str(folder / "home")) as instance:
        for _ in range(MAX_RUN_SECONDS):
            # Counted first: a run that begins between the two calls would be counted, but its state not seen.
            has_enough = instance.get_runs_count() >= count
            if has_enough and all(run.status.value in status for run in instance.get_runs(limit=4)):
                return True
            time.sleep(1)
    return False


def soak(folder: Path, days: int, kills: int, days_asleep: int, configuration: str) -> list[str]:
    """Play all ticks, with the `dagster.yaml` of a folder of the project; returns the problems found."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "home").mkdir(parents=True)
    shutil.copy(PROJECT / configuration / "dagster.yaml", folder / "home")
    receiver, groups = Receiver(), group_ticks(ticks(days), days_asleep)
    daemon = Daemon(folder, receiver.address)
    due = [tick for group in groups for tick in group]
    killed_at = [len(groups) * (number + 1) // (kills + 1) for number in range(kills)]
    problems: list[str] = []
    known: set[Path] = set()
    daemon.set(BEGIN)
    daemon.start()
    time.sleep(40)
    started = time.monotonic()
    try:
        expected = 0
        for number, group in enumerate(groups, start=1):
            expected += len(group)
            moment = group[-1][0]
            daemon.set(moment + dt.timedelta(seconds=5))
            if number in killed_at:
                if not wait_for(folder, expected, ("SUCCESS", "FAILURE", "STARTED")):
                    problems.append(f"{group}: no run began")
                # The first kill comes while the run starts or fetches, the second while it builds.
                seconds = 12 * (1 + killed_at.index(number))
                time.sleep(seconds)
                daemon.kill()
                print(f"killed at {moment:%Y-%m-%d %H:%M}, {seconds} s into a run", flush=True)
                daemon.start()
            if not wait_for(folder, expected, ("SUCCESS", "FAILURE")):
                problems.append(f"{group}: not {expected} ended runs after {MAX_RUN_SECONDS} s")
                break
            found = raw_files(folder)
            problems += [f"{group}: lost {path}" for path in sorted(known - found)]
            known |= found
            if number % 10 == 0:
                print(f"{expected} of {len(due)} runs, {time.monotonic() - started:.0f} s", flush=True)
        time.sleep(70)  # the alerts of the last run
    finally:
        daemon.kill()
        receiver.shutdown()
    (folder / "alerts.json").write_text(json.dumps(receiver.alerts, indent=1), encoding="utf-8")
    return problems + check(folder, groups, kills, receiver.alerts)


def raw_files(folder: Path) -> set[Path]:
    return set((folder / "data" / "raw").glob("*/*/*.parquet"))


def new_failures(folder: Path) -> collections.Counter[tuple[str, str]]:
    """How often each check began to fail, by severity."""
    import dagster as dg

    state: dict[str, str] = {}
    found: collections.Counter[tuple[str, str]] = collections.Counter()
    with dg.DagsterInstance.from_config(str(folder / "home")) as instance:
        for run in reversed(list(instance.get_runs())):
            for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
                evaluation = entry.dagster_event.asset_check_evaluation_data
                name = f"{evaluation.asset_key.to_user_string()}/{evaluation.check_name}"
                severity = {"ERROR": "error", "WARN": "warning"}[evaluation.severity.value]
                severity = "passed" if evaluation.passed else severity
                if severity not in ("passed", state.get(name)):
                    found[name, severity] += 1
                state[name] = severity
    return found


def check(
    folder: Path, groups: list[list[tuple[dt.datetime, str]]], kills: int, alerts: list[dict[str, Any]]
) -> list[str]:
    """One run a tick, complete coverage, no duplicate and no lost file, each alert once; returns the problems."""
    problems: list[str] = []
    found = runs(folder)
    counts = collections.Counter((name, tick[:16]) for _, name, tick, _ in found)
    group_of = {
        (name, f"{moment:%Y-%m-%dT%H:%M}"): number for number, group in enumerate(groups) for moment, name in group
    }
    problems += [f"{count} runs of the tick {tick}" for tick, count in counts.items() if count != 1]
    problems += [f"no run of the tick {tick}" for tick in sorted(group_of.keys() - counts.keys())]
    problems += [f"a run without a tick: {tick}" for tick in sorted(counts.keys() - group_of.keys())]
    statuses = collections.Counter(status for *_, status in found)
    if statuses.get("FAILURE", 0) != kills:
        problems.append(f"{statuses} for {kills} kills")
    files = raw_files(folder)
    hashes = collections.Counter((path.parent.parent.name, path.name.rpartition("-")[2]) for path in files)
    problems += [f"{count} files of the same bytes: {name}" for name, count in hashes.items() if count > 1]
    problems += [f"unfinished write: {path}" for path in (folder / "data" / "raw").rglob("*") if path.suffix == ".tmp"]
    command = [str(Path(sys.executable).with_name("routerscope")), "trace", "--all", "--data", str(folder / "data")]
    traced = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if traced.returncode:
        problems.append(f"{' '.join(command)}: {traced.stdout}{traced.stderr}")
    with duckdb.connect() as connection:
        marts = str((folder / "data" / "published").resolve())
        missing = connection.sql(
            f"from '{marts}/coverage.parquet' select surface, date where slice = 'all' and not is_complete "
            f"and surface in ('rankings', 'models', 'endpoints') and date >= date '{BEGIN.date()}'"
        ).fetchall()
        problems += [f"no {surface} on {date}" for surface, date in missing]
        last = groups[-1][-1][0].date()
        [(days,)] = connection.sql(
            f"from '{marts}/share_model.parquet' select count(distinct period_start) "
            f"where period = 'day' and period_start >= date '{BEGIN.date()}'"
        ).fetchall()
        if days != (last - BEGIN.date()).days:
            problems.append(f"shares of {days} days up to {last}")
        [(prices,)] = connection.sql(
            f"from '{marts}/provenance.parquet' select count(distinct raw_file) where surface = 'models' "
            f"and as_of >= timestamp '{BEGIN:%Y-%m-%d}'"
        ).fetchall()
    # Prices are due again after five hours: not in the weekly run, an hour after another, nor in the second of several
    # runs for missed ticks. Every other run that succeeded has fetched a new price list.
    fetched_prices = {
        group_of[name, tick[:16]]
        for _, name, tick, status in found
        if status == "SUCCESS" and name != "refetch_rankings_weekly" and (name, tick[:16]) in group_of
    }
    if prices < len(fetched_prices):
        problems.append(f"{prices} price lists in {len(fetched_prices)} groups of ticks")
    sent = collections.Counter(alert["id"] for alert in alerts)
    problems += [f"sent {count} times: {name}" for name, count in sent.items() if count > 1]
    # If two runs end between two ticks of the sensor, it alerts for the later one only.
    failures = new_failures(folder)
    of_checks = collections.Counter(
        (alert["subject"], alert["severity"]) for alert in alerts if alert["kind"] == "check_failed"
    )
    problems += [f"sent {of_checks[one]} times, began {failures[one]} times: {one}" for one in of_checks - failures]
    problems += [f"never sent: {one}" for one in failures.keys() - of_checks.keys()]
    kinds = collections.Counter(alert["kind"] for alert in alerts)
    if kinds["run_failed"] != kills:
        problems.append(f"{kinds['run_failed']} alerts of failed runs for {kills} kills")
    print(f"{len(found)} runs for {len(group_of)} ticks: {dict(statuses)}")
    print(f"{len(files)} raw files, days of shares {days}, price lists {prices}; alerts {dict(kinds)}")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description="A month under the real daemon.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--asleep", type=int, default=0, help="days at the end on which the daemon wakes once a day")
    parser.add_argument("--postgres", action="store_true", help="keep Dagster's history in Postgres")
    arguments = parser.parse_args()
    options = arguments.folder.absolute(), arguments.days, arguments.kills, arguments.asleep
    if arguments.postgres:
        with postgres.server() as url, patch.dict(os.environ, postgres.variables(url)):
            problems = soak(*options, "deploy")
    else:
        problems = soak(*options, "dagster_home")
    print("\n".join(problems) or "No problems found.")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
