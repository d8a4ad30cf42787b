"""A month under the real daemon: every tick of every schedule, with the clock moved from one to the next.

    python tests/soak.py <folder> [--days 30] [--kills 2] [--asleep 0]

The clock of the daemon and of all it starts is moved (see `clock/`); what they do takes its real time. Ends with what
came of it, and with 1 if anything is not as it should be. No part of `make test`: it takes an hour and a half.
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

import duckdb

PROJECT = Path(__file__).resolve().parent.parent
WORLD = json.dumps({"models": 60, "days": 45, "observations": 8})
# A minute of each, as the schedules have them.
DAILY, PRICES, WEEKLY = dt.time(2, 10), (dt.time(8, 10), dt.time(14, 10), dt.time(20, 10)), dt.time(3, 40)
# Behind the real clock: what gRPC waits for on this one is then over at once.
BEGIN = dt.datetime(2026, 10, 5, 1, tzinfo=dt.UTC)
PATIENCE_SECONDS = 600
# Dagster's own daemon. Its scheduler sleeps until the next minute, which on a clock that jumps is over at once.
DAEMON = """
from dagster._daemon.cli import main
from dagster._scheduler import scheduler
scheduler._get_next_scheduler_iteration_time = lambda started: started + 1
main()
"""


def ticks(days: int) -> list[tuple[dt.datetime, str]]:
    """When which schedule is due, in order."""
    found = []
    for number in range(days):
        day = BEGIN.date() + dt.timedelta(days=number)
        due = [(DAILY, "refresh_daily"), *((one, "prices_through_the_day") for one in PRICES)]
        due += [(WEEKLY, "restatements_weekly")] if day.weekday() == 0 else []
        found += [(dt.datetime.combine(day, one, dt.UTC), name) for one, name in due]
    return sorted(found)


def lived(due: list[tuple[dt.datetime, str]], asleep: int) -> list[list[tuple[dt.datetime, str]]]:
    """What the daemon meets each time that it looks at the clock: the ticks since the last time.

    In the last `asleep` days it sleeps from one night to the next. Of the ticks that it has missed, only the newest of
    each schedule is made up for.
    """
    last_day = due[-1][0].date()
    awake_until = last_day - dt.timedelta(days=asleep)
    met: list[list[tuple[dt.datetime, str]]] = []
    missed: dict[str, dt.datetime] = {}
    for moment, name in due:
        missed[name] = moment
        if moment.date() <= awake_until or name == "refresh_daily" or (moment, name) == due[-1]:
            met.append(sorted((one, which) for which, one in missed.items()))
            missed = {}
    return met


class Receiver(http.server.ThreadingHTTPServer):
    """A webhook on loopback, which keeps what it is told, as often as it is told."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), AlertReceiver)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class AlertReceiver(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:  # as the library calls it
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.alerts += body["alerts"]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Daemon:
    """The daemon, on a clock that is set from outside."""

    def __init__(self, folder: Path, webhook: str) -> None:
        self._clock = folder / "clock"
        self._log = (folder / "daemon.log").open("a")
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self._environment = {
            **{
                name: value for name, value in os.environ.items() if not name.startswith(("ROUTERSCOPE_", "TEST_CLOCK"))
            },
            "PYTHONPATH": os.pathsep.join([str(PROJECT / "tests" / "clock"), str(PROJECT)]),
            "TEST_CLOCK": str(self._clock),
            "DAGSTER_DAEMON_HEARTBEAT_TOLERANCE": "1000000000",  # a jump of the clock is no silence
            "DAGSTER_HOME": str(folder / "home"),
            "ROUTERSCOPE_SOURCE": "simulator",
            "ROUTERSCOPE_SIMULATOR": WORLD,
            "ROUTERSCOPE_DATA_DIR": str(folder / "data"),
            "ROUTERSCOPE_ALERTS_WEBHOOK": webhook,
        }

    def set(self, moment: dt.datetime) -> None:
        """From now on it is that moment, and time goes on from there."""
        offset = (moment - dt.datetime.now(dt.UTC)).total_seconds()
        building = self._clock.with_suffix(".new")
        building.write_text(f"{offset:.0f}")
        building.replace(self._clock)

    def start(self) -> None:
        """As `make up` does, but for the code server, which has no use for heartbeats on a clock that jumps."""
        programs = Path(sys.executable).parent
        self._run([sys.executable, "-m", "orchestration.cli", "tidy"]).wait(120)
        port = free_port()
        workspace = self._folder / "workspace.yaml"
        workspace.write_text(
            f"load_from: [{{grpc_server: {{host: 127.0.0.1, port: {port}, location_name: routerscope}}}}]"
        )
        module = ["--module-name", "orchestration.definitions", "--location-name", "routerscope"]
        served = ["api", "grpc", "--host", "127.0.0.1", "--port", str(port), *module]
        self._processes = [self._run([str(programs / "dagster"), *served])]
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
        """With everything it has started, at once."""
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
    """Whether there are so many runs, the newest of them in one of these states."""
    import dagster as dg

    with dg.DagsterInstance.from_config(str(folder / "home")) as instance:
        for _ in range(PATIENCE_SECONDS):
            # Counted first: a run that begins between the two questions would be counted and not be looked at.
            are_there = instance.get_runs_count() >= count
            if are_there and all(run.status.value in status for run in instance.get_runs(limit=4)):
                return True
            time.sleep(1)
    return False


def soak(folder: Path, days: int, kills: int, asleep: int) -> list[str]:
    """Play all ticks; returns what is not as it should be."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "home").mkdir(parents=True)
    shutil.copy(PROJECT / "dagster_home" / "dagster.yaml", folder / "home")
    receiver, met = Receiver(), lived(ticks(days), asleep)
    daemon = Daemon(folder, receiver.address)
    due = [tick for one in met for tick in one]
    killed_at = [len(met) * (number + 1) // (kills + 1) for number in range(kills)]
    problems: list[str] = []
    held: set[Path] = set()
    daemon.set(BEGIN)
    daemon.start()
    time.sleep(40)
    started = time.monotonic()
    try:
        expected = 0
        for number, one in enumerate(met, start=1):
            expected += len(one)
            moment = one[-1][0]
            daemon.set(moment + dt.timedelta(seconds=5))
            if number in killed_at:
                if not wait_for(folder, expected, ("SUCCESS", "FAILURE", "STARTED")):
                    problems.append(f"{one}: no run began")
                # Once while it starts or takes in, once while it builds.
                into = 12 * (1 + killed_at.index(number))
                time.sleep(into)
                daemon.kill()
                print(f"killed at {moment:%Y-%m-%d %H:%M}, {into} s into a run", flush=True)
                daemon.start()
            if not wait_for(folder, expected, ("SUCCESS", "FAILURE")):
                problems.append(f"{one}: not {expected} ended runs after {PATIENCE_SECONDS} s")
                break
            there = raw_files(folder)
            problems += [f"{one}: lost {path}" for path in sorted(held - there)]
            held |= there
            if number % 10 == 0:
                print(f"{expected} of {len(due)} runs, {time.monotonic() - started:.0f} s", flush=True)
        time.sleep(70)  # the alerts of the last run
    finally:
        daemon.kill()
        receiver.shutdown()
    (folder / "alerts.json").write_text(json.dumps(receiver.alerts, indent=1))
    return problems + judged(folder, met, kills, receiver.alerts)


def raw_files(folder: Path) -> set[Path]:
    return set((folder / "data" / "raw").glob("*/*/*.parquet"))


def beginnings(folder: Path) -> collections.Counter[tuple[str, str]]:
    """How often each check began to fail, by severity, in the order of the runs."""
    import dagster as dg

    state: dict[str, str] = {}
    found: collections.Counter[tuple[str, str]] = collections.Counter()
    with dg.DagsterInstance.from_config(str(folder / "home")) as instance:
        for run in reversed(list(instance.get_runs())):
            for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
                check = entry.dagster_event.asset_check_evaluation_data
                name = f"{check.asset_key.to_user_string()}/{check.check_name}"
                severity = "passed" if check.passed else {"ERROR": "error", "WARN": "warning"}[check.severity.value]
                if severity not in ("passed", state.get(name)):
                    found[name, severity] += 1
                state[name] = severity
    return found


def judged(
    folder: Path, met: list[list[tuple[dt.datetime, str]]], kills: int, heard: list[dict[str, Any]]
) -> list[str]:
    """Every tick one run; coverage whole, nothing twice, nothing lost; alerts once each."""
    problems: list[str] = []
    found = runs(folder)
    told = collections.Counter((name, tick[:16]) for _, name, tick, _ in found)
    looks = {(name, f"{moment:%Y-%m-%dT%H:%M}"): look for look, one in enumerate(met) for moment, name in one}
    problems += [f"{count} runs of the tick {tick}" for tick, count in told.items() if count != 1]
    problems += [f"no run of the tick {tick}" for tick in sorted(looks.keys() - told.keys())]
    problems += [f"a run of no tick: {tick}" for tick in sorted(told.keys() - looks.keys())]
    statuses = collections.Counter(status for *_, status in found)
    if statuses.get("FAILURE", 0) != kills:
        problems.append(f"{statuses} for {kills} kills")
    files = raw_files(folder)
    hashes = collections.Counter((path.parent.parent.name, path.name.rpartition("-")[2]) for path in files)
    problems += [f"{count} files of the same bytes: {name}" for name, count in hashes.items() if count > 1]
    problems += [f"left behind: {path}" for path in (folder / "data" / "raw").rglob("*") if path.suffix == ".tmp"]
    command = [str(Path(sys.executable).with_name("routerscope")), "trace", "--all", "--data", str(folder / "data")]
    traced = subprocess.run(command, capture_output=True, text=True, check=False)
    if traced.returncode:
        problems.append(f"{' '.join(command)}: {traced.stdout}{traced.stderr}")
    with duckdb.connect() as connection:
        marts = str((folder / "data" / "published").resolve())
        missing = connection.sql(
            f"from '{marts}/coverage.parquet' select surface, date where slice = 'all' and not is_complete "
            f"and surface in ('rankings', 'models', 'endpoints') and date >= date '{BEGIN.date()}'"
        ).fetchall()
        problems += [f"no {surface} on {date}" for surface, date in missing]
        last = met[-1][-1][0].date()
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
    # Prices are due again after five hours: not for the weekly run, an hour after another, nor for the second of the
    # runs that make up for missed ticks at one look at the clock. All others that were not killed have seen them anew.
    watched = {
        looks[name, tick[:16]]
        for _, name, tick, status in found
        if status == "SUCCESS" and name != "restatements_weekly" and (name, tick[:16]) in looks
    }
    if prices < len(watched):
        problems.append(f"{prices} price lists of {len(watched)} times that the daemon looked at the clock")
    alerts = collections.Counter(alert["id"] for alert in heard)
    problems += [f"told {count} times: {name}" for name, count in alerts.items() if count > 1]
    # Two runs may end between two ticks of the sensor, which then hears of the later one only.
    failing = beginnings(folder)
    of_checks = collections.Counter(
        (alert["subject"], alert["severity"]) for alert in heard if alert["kind"] == "check_failed"
    )
    problems += [f"told {of_checks[one]} times, began {failing[one]} times: {one}" for one in of_checks - failing]
    problems += [f"never told: {one}" for one in failing.keys() - of_checks.keys()]
    kinds = collections.Counter(alert["kind"] for alert in heard)
    if kinds["run_failed"] != kills:
        problems.append(f"{kinds['run_failed']} alerts of failed runs for {kills} kills")
    print(f"{len(found)} runs for {len(looks)} ticks: {dict(statuses)}")
    print(f"{len(files)} raw files, days of shares {days}, price lists {prices}; alerts {dict(kinds)}")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description="A month under the real daemon.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--asleep", type=int, default=0, help="days at the end on which it looks once a day only")
    arguments = parser.parse_args()
    problems = soak(arguments.folder.absolute(), arguments.days, arguments.kills, arguments.asleep)
    print("\n".join(problems) or "Everything is as it should be.")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
