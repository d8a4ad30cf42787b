"""Channels deliver what they are given, name no secret, and report what they could not deliver."""

import datetime as dt
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import time_machine
from conftest import PROJECT

from orchestration.alerts.channels import Channel, File, Log, Slack, Webhook, configured_channels
from orchestration.alerts.deliveries import RELEASES, Deliveries, send_new
from orchestration.alerts.events import Alert
from orchestration.errors import AlertError, SettingsError
from orchestration.settings import Settings

SECRET = "hooks-4711"  # noqa: S105  # of no one
OLD = Alert("new_model/a/old", "new_model", "info", "2026-11-01T00:00:00Z", "a/old", "a/old is listed.")
NEW = replace(OLD, id="new_model/a/new", subject="a/new", text="a/new is listed.")


def test_file_does_not_repeat_an_unrecorded_alert(tmp_path: Path) -> None:
    path, deliveries = tmp_path / "out" / "alerts.jsonl", Deliveries(tmp_path / "deliveries.sqlite")
    File(path).send([NEW])  # and killed before the delivery was recorded
    send_new({RELEASES: []}, [File(path)], deliveries)
    send_new({RELEASES: [NEW, OLD]}, [File(path)], deliveries)
    assert [json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines()] == [NEW.id, OLD.id]


def test_torn_line_in_a_file_loses_no_other(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    path.write_bytes('{"id": "new_model/a/old", "text": "a → b'.encode()[:-4])  # killed in the middle of a character
    File(path).send([NEW])
    File(path).send([NEW, OLD])
    lines = path.read_text(errors="replace", encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines[1:]] == [NEW.id, OLD.id]


def test_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(AlertError, match="cannot be written"):
        File(tmp_path / "file" / "alerts.jsonl").send([NEW])


def test_log_line_has_the_citation() -> None:
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


def test_webhook_body_has_the_documented_schema(receiver: http.server.HTTPServer) -> None:
    channel: Channel = Webhook(f"http://127.0.0.1:{receiver.server_port}/{SECRET}")
    channel.send([OLD, replace(NEW, dedup_key="key", other_ids=["other"])])
    [(kind, body)] = receiver.received  # type: ignore[attr-defined]
    assert kind == "application/json"
    jsonschema.validate(body, json.loads((PROJECT / "docs" / "alerts.schema.json").read_text(encoding="utf-8")))
    assert [alert["id"] for alert in body["alerts"]] == [OLD.id, NEW.id]
    assert SECRET not in channel.name


@pytest.mark.parametrize("status", [301, 404, 500])
def test_webhook_status_is_reported_without_the_address(receiver: http.server.HTTPServer, status: int) -> None:
    receiver.status = status  # type: ignore[attr-defined]
    with pytest.raises(AlertError, match=f"responded with status {status}") as error:
        Webhook(f"http://127.0.0.1:{receiver.server_port}/{SECRET}").send([NEW])
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("address", [f"http://a\tb/{SECRET}", f"http://xn--/{SECRET}", f"http://{'a' * 300}/{SECRET}"])
def test_invalid_webhook_address_is_an_alert_error(address: str) -> None:
    with pytest.raises(AlertError, match="did not respond") as error:
        Webhook(address).send([NEW])
    assert SECRET not in str(error.value)


def test_unreachable_webhook_is_reported_without_the_address() -> None:
    with pytest.raises(AlertError, match="did not respond") as error:
        Webhook(f"http://127.0.0.1:9/{SECRET}").send([NEW])
    assert SECRET not in f"{error.value!r} {error.value.__cause__!r}"


LONG = replace(
    NEW,
    text=f"a/<new>_*b* & co is listed at {'&' * 39_000}.",
    citation="Source: OpenRouter.",
    checked_at="2026-11-01T00:00:00Z",
    scope_id="router",
)


class SlackReceiver(Receiver):
    """Answers as Slack's incoming webhooks do."""

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.received.append(message)  # type: ignore[attr-defined]
        status, answer, wait = self.server.status, "rate_limited", "20"  # type: ignore[attr-defined]
        if status == 200:
            is_valid = isinstance(message.get("text"), str) and 0 < len(message["text"]) <= 40_000
            status, answer = (200, "ok") if is_valid and not set(message) - SLACK_FIELDS else (400, "invalid_payload")
        self.send_response(status)
        self.send_header("retry-after", wait)
        self.end_headers()
        self.wfile.write(answer.encode())


SLACK_FIELDS = {"text", "mrkdwn", "unfurl_links"}


@pytest.fixture
def slack(receiver: http.server.HTTPServer) -> Slack:
    receiver.RequestHandlerClass = SlackReceiver
    return Slack(f"http://127.0.0.1:{receiver.server_port}/{SECRET}")


def test_slack_gets_a_line_for_each_alert(slack: Slack, receiver: http.server.HTTPServer) -> None:
    slack.send([OLD, *[LONG] * 99])
    [message] = receiver.received  # type: ignore[attr-defined]
    first, *cut = message["text"].split("\n")
    assert first == "info: a/old is listed."
    assert len(cut) == 99
    [line] = set(cut)
    assert line.startswith("info: a/&lt;new&gt;_*b* &amp; co is listed at &amp;&amp;")
    assert line.endswith("&amp;… Source: OpenRouter. Checked 2026-11-01T00:00:00Z, scope router.")
    assert message["mrkdwn"] is False


@pytest.mark.parametrize(("status", "answer"), [(403, "status 403 and rate_limited"), (204, "did not answer `ok`")])
def test_other_answers_of_slack_are_errors(
    slack: Slack, receiver: http.server.HTTPServer, status: int, answer: str
) -> None:
    receiver.status = status  # type: ignore[attr-defined]
    with pytest.raises(AlertError, match=answer) as error:
        slack.send([NEW])
    assert SECRET not in str(error.value)


def test_slack_rejects_the_body_of_other_webhooks(slack: Slack) -> None:
    with pytest.raises(AlertError, match="status 400"):
        Webhook.send(slack, [NEW])


def test_channel_that_asks_to_wait_is_left_alone(
    slack: Slack, receiver: http.server.HTTPServer, tmp_path: Path
) -> None:
    deliveries = Deliveries(tmp_path / "deliveries.sqlite")
    send_new({RELEASES: []}, [slack], deliveries)
    receiver.status = 429  # type: ignore[attr-defined]
    _, [problem] = send_new({RELEASES: [NEW]}, [slack], deliveries)
    assert "status 429" in problem
    receiver.status = 200  # type: ignore[attr-defined]
    _, [problem] = send_new({RELEASES: [NEW]}, [slack], deliveries)
    assert "It asks to wait until" in problem
    assert len(receiver.received) == 1  # type: ignore[attr-defined]
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=21)
    with time_machine.travel(later):
        assert send_new({RELEASES: [NEW]}, [slack], deliveries) == (1, [])


def test_address_at_slack_makes_a_slack_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "simulator")
    monkeypatch.setenv("ROUTERSCOPE_ALERTS_WEBHOOK", f"https://hooks.slack.com/services/{SECRET}")
    [channel] = configured_channels(Settings.load(), print)
    assert type(channel) is Slack


def test_no_channel_is_configured_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "simulator")
    for name in ("WEBHOOK", "FILE", "LOG"):
        monkeypatch.delenv(f"ROUTERSCOPE_ALERTS_{name}", raising=False)
    assert configured_channels(Settings.load(), print) == []
    monkeypatch.setenv("ROUTERSCOPE_ALERTS_WEBHOOK", f"https://example.org/{SECRET}")
    monkeypatch.setenv("ROUTERSCOPE_ALERTS_FILE", str(tmp_path / "alerts.jsonl"))
    monkeypatch.setenv("ROUTERSCOPE_ALERTS_LOG", "1")
    settings = Settings.load()
    assert [type(one) for one in configured_channels(settings, print)] == [Webhook, File, Log]
    assert SECRET not in repr(settings)


def test_webhook_setting_that_is_no_url_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "simulator")
    monkeypatch.setenv("ROUTERSCOPE_ALERTS_WEBHOOK", f"hooks {SECRET}")
    with pytest.raises(SettingsError, match="ROUTERSCOPE_ALERTS_WEBHOOK is not usable") as error:
        Settings.load()
    assert SECRET not in str(error.value)
