"""Schedules ask for a run or say why not; sensors tell of what came of it, and tidy up."""

import datetime as dt
import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from conftest import SMALL_WORLD, Run, run
from dagster._core.test_utils import create_run_for_test

from orchestration.alerts import news
from orchestration.definitions import defs
from orchestration.defs.housekeeping import PROCESS_TAG, forget_old_runs
from orchestration.defs.resources import DATA_TAG
from orchestration.defs.sensors import SCHEDULES, alerts, housekeeping
from orchestration.errors import AlertError
from orchestration.publish.overclaims import OverclaimFinder

TICK = dt.datetime(2026, 11, 23, 2, 10, tzinfo=dt.UTC)


@pytest.fixture
def history(few_run: Run, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A history of one's own: that of the run over the few recordings."""
    home = Path(shutil.copytree(few_run.data.parent / "home", tmp_path / "history"))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.fixture
def data(few_run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "replay")
    monkeypatch.setenv("ROUTERSCOPE_REPLAY_DIR", str(tmp_path))
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(few_run.data))
    for name in ("WEBHOOK", "FILE", "LOG"):
        monkeypatch.delenv(f"ROUTERSCOPE_ALERTS_{name}", raising=False)
    return few_run.data


def tick(schedule: dg.ScheduleDefinition, instance: dg.DagsterInstance) -> dg.RunRequest | str:
    context = dg.build_schedule_context(instance=instance, scheduled_execution_time=TICK)
    told = schedule.evaluate_tick(context)
    return told.run_requests[0] if told.run_requests else str(told.skip_message)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda one: one.name)
def test_a_tick_asks_for_one_run_in_the_folder_of_the_settings(
    schedule: dg.ScheduleDefinition, data: Path, history: dg.DagsterInstance
) -> None:
    asked = tick(schedule, history)
    assert isinstance(asked, dg.RunRequest)
    assert asked.tags[DATA_TAG] == str(data)
    job = defs().resolve_job_def(schedule.job_name)
    ops = asked.run_config["ops"]
    assert dg.validate_run_config(job, asked.run_config)
    assert bool(ops) == (schedule.name == "restatements_weekly")
    assert all(one["config"] == {"refetch": True} for one in ops.values())


def test_a_tick_whose_run_before_has_not_ended_is_skipped(data: Path, history: dg.DagsterInstance) -> None:
    daily, prices, _ = SCHEDULES
    tags = {"dagster/schedule_name": daily.name, DATA_TAG: str(data)}
    before = create_run_for_test(history, job_name="refresh", status=dg.DagsterRunStatus.STARTED, tags=tags)
    assert tick(daily, history) == f"The run of the tick before, {before.run_id[:8]}, has not ended yet."
    assert isinstance(tick(prices, history), dg.RunRequest)


def test_a_run_that_was_never_handed_over_stops_no_schedule(data: Path, history: dg.DagsterInstance) -> None:
    daily = SCHEDULES[0]
    tags = {"dagster/schedule_name": daily.name, DATA_TAG: str(data)}
    create_run_for_test(history, job_name="refresh", status=dg.DagsterRunStatus.NOT_STARTED, tags=tags)
    assert isinstance(tick(daily, history), dg.RunRequest)


def test_a_tick_of_another_folder_does_not_matter(data: Path, history: dg.DagsterInstance) -> None:  # noqa: ARG001
    tags = {"dagster/schedule_name": SCHEDULES[0].name, DATA_TAG: "/elsewhere"}
    create_run_for_test(history, job_name="refresh", status=dg.DagsterRunStatus.STARTED, tags=tags)
    assert isinstance(tick(SCHEDULES[0], history), dg.RunRequest)


def test_a_tick_without_a_source_says_what_to_do(
    data: Path,  # noqa: ARG001
    history: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ROUTERSCOPE_SOURCE")
    told = tick(SCHEDULES[0], history)
    assert "ROUTERSCOPE_SOURCE is not set." in str(told)
    assert "make up SOURCE=live" in str(told)


def sense(
    sensor: dg.SensorDefinition, instance: dg.DagsterInstance, cursor: str | None = None
) -> tuple[str, str | None]:
    """What a tick says, and its cursor."""
    context = dg.build_sensor_context(instance, cursor=cursor, repository_def=defs().get_repository_def())
    told = sensor.evaluate_tick(context)
    return str(told.skip_message), told.cursor


def test_nothing_is_sent_where_nobody_is_named(data: Path, history: dg.DagsterInstance) -> None:
    assert sense(alerts, history)[0].startswith("Nobody is told")
    assert not (data / "alerts.sqlite").exists()


def test_a_channel_that_is_added_later_begins_with_what_is_there(
    data: Path, history: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(shutil.copytree(data, tmp_path / "data", symlinks=True)))
    monkeypatch.setenv("ROUTERSCOPE_ALERTS_LOG", "1")
    _, cursor = sense(alerts, history)
    monkeypatch.setenv("ROUTERSCOPE_ALERTS_FILE", str(tmp_path / "alerts.jsonl"))
    _, later = sense(alerts, history, cursor)
    assert later != cursor
    with sqlite3.connect(tmp_path / "data" / "alerts.sqlite") as ledger:
        begun = ledger.execute("select channel from told where once = 'begun/news' order by channel").fetchall()
    assert begun == [(f"file {tmp_path / 'alerts.jsonl'}",), ("log",)]


def test_what_did_not_arrive_is_offered_again(
    data: Path, history: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(shutil.copytree(data, tmp_path / "data", symlinks=True)))
    monkeypatch.setenv("ROUTERSCOPE_ALERTS_FILE", str(tmp_path / "file" / "alerts.jsonl"))
    sense(alerts, history)
    create_run_for_test(history, job_name="refresh", status=dg.DagsterRunStatus.FAILURE)
    with pytest.raises(AlertError, match="1 alerts wait for the next tick"):
        sense(alerts, history)


def test_failures_are_told_once_each_and_history_is_no_news(
    data: Path, history: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "alerts.jsonl"
    monkeypatch.setenv("ROUTERSCOPE_ALERTS_FILE", str(told))
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(shutil.copytree(data, tmp_path / "data", symlinks=True)))
    here = {DATA_TAG: str(tmp_path / "data")}
    old = create_run_for_test(history, job_name="refresh", status=dg.DagsterRunStatus.FAILURE, tags=here)
    said, cursor = sense(alerts, history)
    assert said == "Nothing that was not told before."
    assert str(cursor).startswith((tmp_path / "data" / "published").resolve().name)
    for tags in (here, {DATA_TAG: "/elsewhere"}):
        create_run_for_test(history, job_name="refresh_prices", status=dg.DagsterRunStatus.FAILURE, tags=tags)
    assert sense(alerts, history, cursor)[0] == "1 alerts were sent."
    assert sense(alerts, history, cursor)[0] == "Nothing that was not told before."
    [alert] = map(json.loads, told.read_text().splitlines())
    assert (alert["kind"], alert["subject"], alert["severity"]) == ("run_failed", "refresh_prices", "error")
    assert alert["id"] != f"run_failed/{old.run_id}"


def test_a_check_that_fails_is_told_when_it_begins_to(
    data: Path,  # noqa: ARG001
    history: dg.DagsterInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The run over the few recordings found checks that fail; to a channel that listened before, that is news."""
    told = tmp_path / "alerts.jsonl"
    monkeypatch.setenv("ROUTERSCOPE_ALERTS_FILE", str(told))
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(tmp_path / "data"))
    with dg.DagsterInstance.ephemeral() as nothing:
        sense(alerts, nothing)  # from now on it listens
    [run] = history.get_runs()
    history.add_run_tags(run.run_id, {DATA_TAG: str(tmp_path / "data")})
    said, _ = sense(alerts, history)
    found = [json.loads(line) for line in told.read_text().splitlines()]
    assert said == f"{len(found)} alerts were sent."
    assert {alert["kind"] for alert in found} == {"check_failed"}
    subjects = [alert["subject"] for alert in found]
    assert len(set(subjects)) == len(subjects)
    assert any(subject.startswith("published/") for subject in subjects)
    assert sense(alerts, history)[0] == "Nothing that was not told before."


def test_prices_alone_need_rankings_that_are_there(home: Path, tmp_path: Path) -> None:
    settings = {"ROUTERSCOPE_SOURCE": "simulator", "ROUTERSCOPE_SIMULATOR": SMALL_WORLD}
    done = run(tmp_path / "data", home, "refresh_prices", **settings)
    assert done.code == 1, done.output
    assert "holds no rankings yet, and this run does not fetch them" in done.output
    assert "Run the whole job `refresh` first." in done.output
    assert list((tmp_path / "data" / "raw" / "models").rglob("*.parquet"))


def test_news_are_those_of_the_marts_each_with_its_source(everything: Run) -> None:
    told = news((everything.data / "published").resolve())
    newest = "(select max(last_seen_at) from price_history)"
    [(changes,)] = everything.query(
        f"select count(*) from price_history where valid_from > {newest} - interval 30 day "
        "and model_id not like '~%' and (prompt_usd_per_mtok <> previous_prompt_usd_per_mtok "
        "or completion_usd_per_mtok <> previous_completion_usd_per_mtok)"
    )
    [(odd,)] = everything.query(
        "select count(*) from anomaly where kind <> 'price_jump' "
        "and date > (select max(period_start) from traffic_summary where period = 'day') - 30"
    )
    kinds = [alert.kind for alert in told]
    assert (kinds.count("price_change"), kinds.count("anomaly")) == (changes, odd)
    assert kinds.count("new_model") > 5
    assert len({alert.id for alert in told}) == len(told)
    for alert in told:
        assert alert.scope_id == "openrouter_public_traffic"
        assert str(alert.source_url).startswith("https://openrouter.ai/")
        assert str(alert.as_of) in str(alert.citation)
        assert alert.checked_at
    [cut] = [alert for alert in told if alert.id.startswith("price_change/deepseek/deepseek-v4-flash/2026-08-06")]
    assert cut.severity == "warning"  # a jump
    assert "input 0.0882, output 0.1764, before input 0.14, output 0.28 USD per million tokens" in cut.text


def test_news_claim_no_more_than_what_was_observed(everything: Run, simulated: Run) -> None:
    for one in (everything, simulated):
        told = news((one.data / "published").resolve())
        names = {
            name for (name,) in one.query("select model_id from price_history union select subject_name from anomaly")
        }
        assert OverclaimFinder(names=names).find(alert.text for alert in told) == []


def test_news_of_a_simulated_world_say_so(simulated: Run) -> None:
    told = news((simulated.data / "published").resolve())
    assert told
    assert all(alert.text.startswith("SIMULATED: ") and alert.scope_id == "simulated" for alert in told)


def test_a_run_whose_process_is_gone_is_ended_and_others_are_not(history: dg.DagsterInstance) -> None:
    started = dg.DagsterRunStatus.STARTED
    lost = create_run_for_test(history, job_name="refresh", status=started)
    of_another_boot = f"{lost.run_id} 1/of-another-boot/7"
    history.add_run_tags(lost.run_id, {PROCESS_TAG: of_another_boot})
    # One that was started again from the UI has the tags of the first, until it says its own.
    waiting = create_run_for_test(history, job_name="refresh", status=started, tags={PROCESS_TAG: of_another_boot})
    said, _ = sense(housekeeping, history)
    assert said.startswith(f"A run that was killed ({lost.run_id[:8]}) has been ended")
    states = [history.get_run_by_id(one.run_id) for one in (lost, waiting)]
    assert [one.status for one in states if one] == [dg.DagsterRunStatus.FAILURE, started]


def test_old_runs_are_forgotten_and_newer_ones_are_not(history: dg.DagsterInstance) -> None:
    now = dt.datetime.now(dt.UTC)
    assert forget_old_runs(history, now) == 0
    [run] = history.get_runs()
    assert forget_old_runs(history, now + dt.timedelta(days=91)) == 1
    assert history.get_runs() == []
    assert list(history.all_logs(run.run_id)) == []
