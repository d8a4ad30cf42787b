"""Each alert is sent once per channel; existing alerts are skipped, and failed deliveries are sent later."""

import datetime as dt
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.alerts.channels import Channel
from orchestration.alerts.deliveries import FAILURES, RELEASES, Deliveries, send_new
from orchestration.alerts.events import Alert, anomaly_alert
from orchestration.errors import AlertError

OLD = Alert("new_model/a/old", "new_model", "info", "2026-11-01T00:00:00Z", "a/old", "a/old is listed.")
NEW = replace(OLD, id="new_model/a/new", subject="a/new", text="a/new is listed.")


class Recorder:
    """A channel that keeps the ids of the alerts it gets, and can be made to fail."""

    def __init__(self, name: str = "recorder") -> None:
        self.name = name
        self.ids: list[str] = []
        self.is_failing = False

    def send(self, alerts: Sequence[Alert]) -> None:
        if self.is_failing:
            raise AlertError("It fails.")
        self.ids += [alert.id for alert in alerts]


@pytest.fixture
def deliveries(tmp_path: Path) -> Deliveries:
    return Deliveries(tmp_path / "data" / "deliveries.sqlite")


def test_existing_alerts_are_skipped_and_new_ones_sent_once(deliveries: Deliveries) -> None:
    channel = Recorder()
    assert send_new({RELEASES: [OLD]}, [channel], deliveries) == (0, [])
    assert send_new({RELEASES: [OLD, NEW]}, [channel], deliveries) == (1, [])
    assert send_new({RELEASES: [OLD, NEW]}, [channel], deliveries) == (0, [])
    assert channel.ids == [NEW.id]


def test_each_origin_starts_by_itself(deliveries: Deliveries) -> None:
    """Failures are sent from the first tick on, alerts of releases only once there is a release."""
    channel, failure = Recorder(), replace(OLD, id="run_failed/1", kind="run_failed")
    send_new({FAILURES: []}, [channel], deliveries)
    send_new({FAILURES: [failure], RELEASES: [OLD]}, [channel], deliveries)
    send_new({FAILURES: [failure], RELEASES: [OLD, NEW]}, [channel], deliveries)
    assert channel.ids == [failure.id, NEW.id]


def test_failing_channel_gets_alerts_later_and_others_at_once(deliveries: Deliveries) -> None:
    failing, other = Recorder("failing"), Recorder("other")
    send_new({RELEASES: []}, [failing, other], deliveries)
    failing.is_failing = True
    count, [problem] = send_new({RELEASES: [NEW]}, [failing, other], deliveries)
    assert (count, other.ids) == (1, [NEW.id])
    assert problem == "failing: It fails. The next tick tries again; unsent alerts: 1."
    failing.is_failing = False
    assert send_new({RELEASES: [NEW]}, [failing, other], deliveries) == (1, [])
    assert (failing.ids, other.ids) == ([NEW.id], [NEW.id])


def test_alert_sent_under_another_id_is_not_sent_again(deliveries: Deliveries) -> None:
    channel = Recorder()
    send_new({RELEASES: []}, [channel], deliveries)
    first = replace(OLD, id="anomaly/token_spike/model/a/2026-11-02", kind="anomaly")
    revised = replace(first, id="anomaly/token_spike/model/a/2026-11-03", other_ids=[first.id])
    assert send_new({RELEASES: [first]}, [channel], deliveries) == (1, [])
    assert send_new({RELEASES: [revised]}, [channel], deliveries) == (0, [])


def event(day: int, last_day: int | None = None) -> dict:
    """A row of `anomaly`: an app's event from one day of July to another."""
    moment = dt.datetime(2026, 8, 1)  # noqa: DTZ001
    date, last = dt.date(2026, 7, day), dt.date(2026, 7, last_day or day)
    figures = {"value": 5.0, "expected": 50.0, "score": 7.0, "threshold": 5.0, "score_unit": "standard deviations"}
    return {
        "date": date, "peak_date": date, "last_date": last, "kind": "token_drop", "subject_type": "app", "subject": "7",
        "subject_name": "Seven", "is_listed": True, "evidence": "Seven had 5 tokens.", "hint": "Look.", **figures,
        "scope_id": "s", "source_url": "u", "as_of": moment, "checked_at": moment,
    }  # fmt: skip


def test_second_event_within_a_week_is_sent(deliveries: Deliveries) -> None:
    """A fall that follows another is an event of its own, even on the day after its end."""
    channel, first, second = Recorder(), event(3, 5), event(6)
    send_new({RELEASES: []}, [channel], deliveries)
    assert send_new({RELEASES: [anomaly_alert(first, {}, [first])]}, [channel], deliveries) == (1, [])
    both = [anomaly_alert(one, {}, [first, second]) for one in (first, second)]
    assert send_new({RELEASES: both}, [channel], deliveries) == (1, [])
    assert channel.ids == [one.id for one in both]


def test_event_whose_first_day_moved_is_not_sent_again(deliveries: Deliveries) -> None:
    """A revision moves the first day of an event by a day, or joins to it a day that was an event by itself."""
    channel, events = Recorder(), [event(3), event(5)]
    send_new({RELEASES: []}, [channel], deliveries)
    send_new({RELEASES: [anomaly_alert(one, {}, events) for one in events]}, [channel], deliveries)
    for moved in (event(2), event(4), event(4, 6)):
        assert send_new({RELEASES: [anomaly_alert(moved, {}, [moved])]}, [channel], deliveries) == (0, [])
    assert send_new({RELEASES: [anomaly_alert(event(9), {}, [event(9)])]}, [channel], deliveries) == (1, [])


def test_lasting_failure_is_sent_once_until_forgotten(deliveries: Deliveries) -> None:
    channel, key = Recorder(), "check_failed/published/fresh_models/error"
    failing = [replace(OLD, id=f"{key}/{run}", kind="check_failed", dedup_key=key) for run in ("1", "2", "3")]
    send_new({FAILURES: []}, [channel], deliveries)
    send_new({FAILURES: [failing[0]]}, [channel], deliveries)
    send_new({FAILURES: [failing[1]]}, [channel], deliveries)
    deliveries.forget([key])
    send_new({FAILURES: [failing[2]]}, [channel], deliveries)
    assert channel.ids == [failing[0].id, failing[2].id]


def test_more_alerts_than_a_batch_are_all_sent_once(deliveries: Deliveries) -> None:
    channel = Recorder()
    send_new({RELEASES: []}, [channel], deliveries)
    many = [replace(NEW, id=f"new_model/a/{number}") for number in range(201)]
    assert send_new({RELEASES: many}, [channel], deliveries) == (201, [])
    assert channel.ids == [one.id for one in many]


def test_damaged_record_is_an_error_and_nothing_is_sent(tmp_path: Path) -> None:
    (tmp_path / "deliveries.sqlite").write_text("no database, but long enough to look like one" * 20, encoding="utf-8")
    channel = Recorder()
    with pytest.raises(AlertError, match="Nothing was sent"):
        send_new({RELEASES: [NEW]}, [channel], Deliveries(tmp_path / "deliveries.sqlite"))
    assert channel.ids == []


def test_full_disk_is_found_before_anything_is_sent(deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs fail when the disk is full, and that alert must not be sent at every tick."""
    channel = Recorder()
    send_new({FAILURES: []}, [channel], deliveries)

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as during:
        during.setattr(Deliveries, "_write", staticmethod(full))
        for _ in range(3):
            with pytest.raises(AlertError, match=r"disk is full\. Nothing was sent\."):
                send_new({FAILURES: [NEW]}, [channel], deliveries)
    assert channel.ids == []
    assert send_new({FAILURES: [NEW]}, [channel], deliveries) == (1, [])


def test_sent_but_unrecorded_alert_is_reported(deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = Recorder()
    send_new({FAILURES: []}, [channel], deliveries)
    write = Deliveries._write

    def fill(connection: sqlite3.Connection, to: Channel, ids: Mapping[str, str], sent_at: str | None) -> None:
        if sent_at:
            raise sqlite3.OperationalError("database or disk is full")
        write(connection, to, ids, sent_at)

    with monkeypatch.context() as during:
        during.setattr(Deliveries, "_write", staticmethod(fill))
        with pytest.raises(AlertError, match="The alerts sent last may be sent again, with the same ids"):
            send_new({FAILURES: [NEW]}, [channel], deliveries)
    assert channel.ids == [NEW.id]
