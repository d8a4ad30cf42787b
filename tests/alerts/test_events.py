"""The alerts of a release are its new models, price changes and anomalies, each with its source."""

import json
from pathlib import Path

import pytest
from conftest import Run
from test_deliveries import event

from orchestration.alerts.events import anomaly_alert, release_alerts
from orchestration.errors import AlertError
from orchestration.publish.overclaims import OverclaimFinder


def test_anomaly_alert_names_the_app() -> None:
    alert = anomaly_alert(event(3), {})
    assert (alert.subject, alert.text) == ("Seven", "token_drop on 3 July 2026: Seven had 5 tokens. Look.")
    assert alert.id == "anomaly/token_drop/app/7/2026-07-03"
    assert alert.details["subject"] == "7"
    json.dumps(alert.body())


def test_release_that_cannot_be_read_is_an_alert_error(tmp_path: Path) -> None:
    with pytest.raises(AlertError, match="cannot be read"):
        release_alerts(tmp_path)


def test_release_alerts_match_the_marts_and_are_cited(everything: Run) -> None:
    alerts = release_alerts((everything.data / "published").resolve())
    newest = "(select max(last_seen_at) from price_history)"
    [(changes,)] = everything.query(
        f"select count(*) from price_history where valid_from > {newest} - interval 30 day "
        "and model_id not like '~%' and (prompt_usd_per_mtok <> previous_prompt_usd_per_mtok "
        "or completion_usd_per_mtok <> previous_completion_usd_per_mtok)"
    )
    [(anomalies,)] = everything.query(
        "select count(*) from anomaly where kind <> 'price_jump' "
        "and date > (select max(period_start) from traffic_summary where period = 'day') - 30"
    )
    kinds = [alert.kind for alert in alerts]
    assert (kinds.count("price_change"), kinds.count("anomaly")) == (changes, anomalies)
    assert kinds.count("new_model") > 5
    assert len({alert.id for alert in alerts}) == len(alerts)
    for alert in alerts:
        assert alert.scope_id == "openrouter_public_traffic"
        assert str(alert.source_url).startswith("https://openrouter.ai/")
        assert str(alert.as_of) in str(alert.citation)
        assert alert.checked_at
    [cut] = [alert for alert in alerts if alert.id.startswith("price_change/deepseek/deepseek-v4-flash/2026-08-06")]
    assert cut.severity == "warning"  # a jump
    assert "from input $0.14, output $0.28 to input $0.0882, output $0.1764 per million tokens" in cut.text


def test_alert_texts_make_no_overclaim(everything: Run, simulated: Run) -> None:
    for one in (everything, simulated):
        alerts = release_alerts((one.data / "published").resolve())
        names = {
            name for (name,) in one.query("select model_id from price_history union select subject_name from anomaly")
        }
        assert OverclaimFinder(names=names).find(alert.text for alert in alerts) == []


def test_simulated_alerts_are_marked(simulated: Run) -> None:
    alerts = release_alerts((simulated.data / "published").resolve())
    assert alerts
    assert all(alert.text.startswith("SIMULATED: ") and alert.scope_id == "simulated" for alert in alerts)
