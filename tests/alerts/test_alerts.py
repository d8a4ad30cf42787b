"""Each thing is told once to each channel; what was there before is known; what does not arrive is told later."""

import datetime as dt
import http.server
import json
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from conftest import PROJECT

from orchestration.alerts import Alert, Channel, File, Ledger, Log, Webhook, _anomaly, channels, tell_once
from orchestration.errors import AlertError, SettingsError
from orchestration.settings import Settings

SECRET = "hooks-4711"  # noqa: S105  # nobody's
OLD = Alert("new_model/a/old", "new_model", "info", "2026-11-01T00:00:00Z", "a/old", "a/old is listed.")
NEW = replace(OLD, id="new_model/a/new", subject="a/new", text="a/new is listed.")


class Told:
    """A channel that keeps what it hears."""

    name = "told"

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.is_deaf = False

    def send(self, alerts: list[Alert]) -> None:
        if self.is_deaf:
            raise AlertError("It does not listen.")
        self.heard += [alert.id for alert in alerts]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "data" / "alerts.sqlite")


def test_what_is_there_at_first_is_known_and_what_comes_later_is_told_once(ledger: Ledger) -> None:
    told = Told()
    assert tell_once({"news": [OLD]}, [told], ledger) == (0, [])
    assert tell_once({"news": [OLD, NEW]}, [told], ledger) == (1, [])
    assert tell_once({"news": [OLD, NEW]}, [told], ledger) == (0, [])
    assert told.heard == [NEW.id]


def test_each_origin_begins_by_itself(ledger: Ledger) -> None:
    """Failures are looked at from the first tick on, news only when something is published."""
    told, failure = Told(), replace(OLD, id="run_failed/1", kind="run_failed")
    tell_once({"failures": []}, [told], ledger)
    tell_once({"failures": [failure], "news": [OLD]}, [told], ledger)
    tell_once({"failures": [failure], "news": [OLD, NEW]}, [told], ledger)
    assert told.heard == [failure.id, NEW.id]


def test_a_channel_that_does_not_listen_is_told_later_and_the_other_at_once(ledger: Ledger) -> None:
    deaf, other = Told(), Told()
    deaf.name = "deaf"
    tell_once({"news": []}, [deaf, other], ledger)
    deaf.is_deaf = True
    count, [problem] = tell_once({"news": [NEW]}, [deaf, other], ledger)
    assert (count, other.heard) == (1, [NEW.id])
    assert problem == "deaf: It does not listen. 1 alerts wait for the next tick."
    deaf.is_deaf = False
    assert tell_once({"news": [NEW]}, [deaf, other], ledger) == (1, [])
    assert (deaf.heard, other.heard) == ([NEW.id], [NEW.id])


def test_what_was_told_under_another_id_is_not_told_again(ledger: Ledger) -> None:
    told = Told()
    tell_once({"news": []}, [told], ledger)
    first = replace(OLD, id="anomaly/token_spike/model/a/2026-11-02", kind="anomaly")
    restated = replace(first, id="anomaly/token_spike/model/a/2026-11-03", other_ids=[first.id])
    assert tell_once({"news": [first]}, [told], ledger) == (1, [])
    assert tell_once({"news": [restated]}, [told], ledger) == (0, [])
    assert "other_ids" not in restated.body()


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


def test_anomaly_names_the_app() -> None:
    alert = _anomaly(event(3), {})
    assert (alert.subject, alert.text) == ("Seven", "token_drop on 2026-07-03: Seven had 5 tokens. Look.")
    assert alert.id == "anomaly/token_drop/app/7/2026-07-03"
    assert alert.details["subject"] == "7"
    json.dumps(alert.body())


def test_second_event_within_a_week_is_sent(ledger: Ledger) -> None:
    """A fall that follows another is an event of its own, be it on the day after its end."""
    told, first, second = Told(), event(3, 5), event(6)
    tell_once({"news": []}, [told], ledger)
    assert tell_once({"news": [_anomaly(first, {}, [first])]}, [told], ledger) == (1, [])
    both = [_anomaly(one, {}, [first, second]) for one in (first, second)]
    assert tell_once({"news": both}, [told], ledger) == (1, [])
    assert told.heard == [one.id for one in both]


def test_event_whose_first_day_moved_is_not_sent_again(ledger: Ledger) -> None:
    """A revision moves the first day of an event by a day, or joins to it a day that was an event by itself."""
    told, events = Told(), [event(3), event(5)]
    tell_once({"news": []}, [told], ledger)
    tell_once({"news": [_anomaly(one, {}, events) for one in events]}, [told], ledger)
    for moved in (event(2), event(4), event(4, 6)):
        assert tell_once({"news": [_anomaly(moved, {}, [moved])]}, [told], ledger) == (0, [])
    assert tell_once({"news": [_anomaly(event(9), {}, [event(9)])]}, [told], ledger) == (1, [])


def test_what_goes_on_is_told_once_and_what_comes_again_anew(ledger: Ledger) -> None:
    told, once = Told(), "check_failed/published/fresh_models"
    failing = [replace(OLD, id=f"{once}/{run}", kind="check_failed", once=once) for run in ("1", "2", "3")]
    tell_once({"failures": []}, [told], ledger)
    tell_once({"failures": [failing[0]]}, [told], ledger)
    tell_once({"failures": [failing[1]]}, [told], ledger)
    ledger.forget([once])
    tell_once({"failures": [failing[2]]}, [told], ledger)
    assert told.heard == [failing[0].id, failing[2].id]


def test_a_file_that_was_told_before_it_was_noted_is_not_told_again(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "out" / "alerts.jsonl"
    File(path).send([NEW])  # and killed before it could be noted
    tell_once({"news": []}, [File(path)], ledger)
    tell_once({"news": [NEW, OLD]}, [File(path)], ledger)
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == [NEW.id, OLD.id]


def test_a_line_that_was_torn_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    path.write_bytes('{"id": "new_model/a/old", "text": "a → b'.encode()[:-4])  # killed in the middle of a character
    File(path).send([NEW])
    File(path).send([NEW, OLD])
    lines = path.read_text(errors="replace").splitlines()
    assert [json.loads(line)["id"] for line in lines[1:]] == [NEW.id, OLD.id]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AlertError, match="cannot be written"):
        File(tmp_path / "file" / "alerts.jsonl").send([NEW])


def test_the_log_has_a_line_with_the_citation() -> None:
    lines: list[str] = []
    sourced = replace(NEW, citation="Source: OpenRouter.", checked_at="2026-11-01T00:00:00Z", scope_id="simulated")
    Log(lines.append).send([sourced, OLD])
    assert lines == [
        "info: a/new is listed. Source: OpenRouter. Checked 2026-11-01T00:00:00Z, scope simulated.",
        "info: a/old is listed.",
    ]


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append((self.headers["content-type"], json.loads(body)))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def receiver() -> Iterator[http.server.HTTPServer]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    server.received, server.status = [], 200  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_webhook_is_sent_a_body_of_the_documented_shape(receiver: http.server.HTTPServer) -> None:
    channel: Channel = Webhook(f"http://127.0.0.1:{receiver.server_port}/{SECRET}")
    channel.send([OLD, NEW])
    [(kind, body)] = receiver.received  # type: ignore[attr-defined]
    assert kind == "application/json"
    jsonschema.validate(body, json.loads((PROJECT / "docs" / "alerts.schema.json").read_text()))
    assert [alert["id"] for alert in body["alerts"]] == [OLD.id, NEW.id]
    assert SECRET not in channel.name


@pytest.mark.parametrize("status", [301, 404, 500])
def test_a_webhook_that_refuses_is_named_without_its_address(receiver: http.server.HTTPServer, status: int) -> None:
    receiver.status = status  # type: ignore[attr-defined]
    with pytest.raises(AlertError, match=f"answered {status}") as error:
        Webhook(f"http://127.0.0.1:{receiver.server_port}/{SECRET}").send([NEW])
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("address", [f"http://a\tb/{SECRET}", f"http://xn--/{SECRET}", f"http://{'a' * 300}/{SECRET}"])
def test_an_address_that_leads_nowhere_is_an_error_like_others(address: str) -> None:
    with pytest.raises(AlertError, match="did not answer") as error:
        Webhook(address).send([NEW])
    assert SECRET not in str(error.value)


def test_a_webhook_that_is_not_there_is_named_without_its_address() -> None:
    with pytest.raises(AlertError, match="did not answer") as error:
        Webhook(f"http://127.0.0.1:9/{SECRET}").send([NEW])
    assert SECRET not in f"{error.value!r} {error.value.__cause__!r}"


def test_nobody_is_told_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "simulator")
    for name in ("WEBHOOK", "FILE", "LOG"):
        monkeypatch.delenv(f"ROUTERSCOPE_ALERTS_{name}", raising=False)
    assert channels(Settings.load(), print) == []
    monkeypatch.setenv("ROUTERSCOPE_ALERTS_WEBHOOK", f"https://example.org/{SECRET}")
    monkeypatch.setenv("ROUTERSCOPE_ALERTS_FILE", str(tmp_path / "alerts.jsonl"))
    monkeypatch.setenv("ROUTERSCOPE_ALERTS_LOG", "1")
    settings = Settings.load()
    assert [type(one) for one in channels(settings, print)] == [Webhook, File, Log]
    assert SECRET not in repr(settings)


def test_a_webhook_that_is_no_address_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "simulator")
    monkeypatch.setenv("ROUTERSCOPE_ALERTS_WEBHOOK", f"hooks {SECRET}")
    with pytest.raises(SettingsError, match="ROUTERSCOPE_ALERTS_WEBHOOK is not usable") as error:
        Settings.load()
    assert SECRET not in str(error.value)


def test_a_ledger_that_cannot_be_used_says_so_and_nothing_is_sent(tmp_path: Path) -> None:
    (tmp_path / "alerts.sqlite").write_text("no database, but long enough to look like one" * 20)
    told = Told()
    with pytest.raises(AlertError, match="Nothing was sent"):
        tell_once({"news": [NEW]}, [told], Ledger(tmp_path / "alerts.sqlite"))
    assert told.heard == []


def test_a_ledger_that_cannot_be_written_is_found_out_before_anything_is_sent(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is when runs fail: nobody may be told so every half a minute."""
    told = Told()
    tell_once({"failures": []}, [told], ledger)

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as during:
        during.setattr(Ledger, "_write", staticmethod(full))
        for _ in range(3):
            with pytest.raises(AlertError, match=r"disk is full\. Nothing was sent\."):
                tell_once({"failures": [NEW]}, [told], ledger)
    assert told.heard == []
    assert tell_once({"failures": [NEW]}, [told], ledger) == (1, [])


def test_what_was_sent_and_could_not_be_noted_is_not_denied(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    tell_once({"failures": []}, [told], ledger)
    write = Ledger._write

    def fills_up(connection: sqlite3.Connection, channel: Channel, told: dict[str, str], at: str | None) -> None:
        if at:
            raise sqlite3.OperationalError("database or disk is full")
        write(connection, channel, told, at)

    with monkeypatch.context() as during:
        during.setattr(Ledger, "_write", staticmethod(fills_up))
        with pytest.raises(AlertError, match="What was sent last may come again, with the same ids"):
            tell_once({"failures": [NEW]}, [told], ledger)
    assert told.heard == [NEW.id]
