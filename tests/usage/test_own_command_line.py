"""`routerscope own` and its verbs that read: what people see of their priced calls."""

import json
import re
import time
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from conftest import CommandLine

from orchestration.cli import heartbeat
from orchestration.cli.own_marts import _notes
from orchestration.usage import build

pytestmark = pytest.mark.xdist_group("own_data")
FORBIDDEN = ("would save", "you save", "cheaper for you")


def test_summary_shows_cost_reasons_and_alternatives(command_line: CommandLine, own_data: Path) -> None:
    shown = command_line("own", "--data", str(own_data))
    assert shown.returncode == 0, shown.stderr
    for words in (
        "OpenRouter's export of generations",
        "Charged ",
        "Paid to providers ",
        "At the listed prices ",
        "rounding: charges are cut to 6 decimals",
        "Saved by the cache ",
        "The same tokens of acme/",
        "No forecast: other models split texts into other tokens",
        "Your tokens and the router's in July 2026",
        "50.0% to 60.0%",
    ):
        assert words in shown.stdout
    assert not any(words in shown.stdout for words in FORBIDDEN)
    assert "Simulated by Routerscope" in shown.stderr
    assert (
        max(map(len, command_line("own", "what-if", "acme/tiered", "--data", str(own_data)).stdout.splitlines())) <= 110
    )


def test_summary_as_json_has_every_source(command_line: CommandLine, own_data: Path) -> None:
    sources = json.loads(command_line("own", "--json", "--data", str(own_data)).stdout)["sources"]
    assert sorted(one["source"] for one in sources) == [
        "activity",
        "langfuse",
        "litellm",
        "openrouter",
        "opentelemetry",
        "plain",
    ]
    assert {check["check"] for one in sources for check in one["checks"]} >= {"read", "residual"}


def test_nothing_is_cut_in_40_columns(command_line: CommandLine, own_data: Path) -> None:
    for arguments in (["own"], ["own", "what-if", "acme/tiered"]):
        wide, narrow = (
            command_line(*arguments, "--data", str(own_data), COLUMNS=columns).stdout for columns in (200, 40)
        )
        assert "…" not in narrow
        values = set(re.findall(r"[-+]?\$?\d[\d,.]*%?", wide))
        assert values <= set(re.findall(r"[-+]?\$?\d[\d,.]*%?", narrow))


@pytest.mark.parametrize("arguments", [["--json"], ["query", "from own_check", "--format", "json"]])
def test_progress_is_not_among_the_data(
    arguments: list[str], command_line: CommandLine, own_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "build_own", lambda *_: time.sleep(0.5))
    monkeypatch.setattr(heartbeat, "MAX_SILENCE_SECONDS", 0.05)
    done = command_line("own", *arguments, "--data", str(own_data))
    assert json.loads(done.stdout)
    assert "… pricing your calls" in done.stderr


def test_what_if_prices_each_of_the_users_models(command_line: CommandLine, own_data: Path) -> None:
    done = command_line("own", "what-if", "acme/tiered", "--format", "json", "--data", str(own_data))
    rows = json.loads(done.stdout)["rows"]
    assert {row["to_model_id"] for row in rows} == {"acme/tiered"}
    assert len({row["from_model"] for row in rows}) == 5
    assert all(float(row["low_usd"]) <= float(row["same_tokens_usd"]) <= float(row["high_usd"]) for row in rows)
    at_endpoint = command_line("own", "what-if", "acme/plain", "--endpoint", "acme/eu", "--data", str(own_data))
    assert "at the prices of acme/plain (acme/eu)" in at_endpoint.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["acme/none"], "'acme/none' is no model that the release lists now"),
        (["acme/plain", "--endpoint", "x"], "has no endpoint 'x'. Its endpoints: acme, acme/eu, other/bf16, other/fp8"),
    ],
)
def test_unknown_model_or_endpoint_exits_2(
    arguments: list[str], message: str, command_line: CommandLine, own_data: Path
) -> None:
    done = command_line("own", "what-if", *arguments, "--data", str(own_data))
    assert done.returncode == 2
    assert message in done.stderr


def test_query_reads_own_marts_and_the_release(command_line: CommandLine, own_data: Path) -> None:
    sql = "select count(*) as rows from own_alternative join release.price_history on to_model_id = model_id"
    done = command_line("own", "query", sql, "--format", "json", "--data", str(own_data))
    assert json.loads(done.stdout)["rows"][0]["rows"] > 0
    listed = command_line("own", "query", "--data", str(own_data)).stdout
    assert all(name in listed for name in ("own_usage", "own_cost", "own_alternative", "own_mix", "own_check"))
    refused = command_line("own", "query", "drop table own_usage", "--data", str(own_data))
    assert refused.returncode == 1
    assert "Only SELECT and EXPLAIN are allowed" in refused.stderr


def test_promptfoo_uses_the_mean_call(command_line: CommandLine, own_data: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "cases.yaml").write_text("- mine\n", encoding="utf-8")
    done = command_line("own", "export", "promptfoo", "--output", str(tmp_path / "out"), "--data", str(own_data))
    assert done.returncode == 0, done.stderr
    assert "Kept, since it exists" in done.stdout
    assert (tmp_path / "out" / "cases.yaml").read_text(encoding="utf-8") == "- mine\n"
    config = yaml.safe_load((tmp_path / "out" / "promptfooconfig.yaml").read_text(encoding="utf-8"))
    assert len(config["providers"]) > 1
    assert float(config["defaultTest"]["assert"][0]["threshold"]) > 0


def test_calls_without_a_release_are_kept(command_line: CommandLine, tmp_path: Path) -> None:
    log = tmp_path / "plain.csv"
    log.write_text("time,model,prompt_tokens,completion_tokens\n2026-08-05T04:00:00Z,a/b,1,1\n", encoding="utf-8")
    data = tmp_path / "data"
    assert command_line("own", "add", str(log), "--data", str(data)).returncode == 0
    done = command_line("own", "--data", str(data))
    assert done.returncode == 2
    assert "has no published release, so there are no prices for your calls. They are stored and stay." in done.stderr


def test_what_needs_attention_is_named() -> None:
    one = {
        "endpoint_over_list_usd": Decimal("-12.5"),
        "list_usd": Decimal(100),
        "endpoint_low_usd": None,
        "calls": 4,
        "calls_without_cache": 0,
        "endpoint_usd": Decimal(80),
        "calls_with_endpoint_price": 4,
        "calls_with_endpoint_range": 4,
        "calls_with_tag": 3,
        "price_bases": "carried, observed",
        "endpoint_price_bases": "backcast",
        "unmatched": [{"name": "acme/plai", "calls": 1}],
        "checks": [
            {"check": "also in litellm", "rows": None, "calls": 2},
            {"check": "charge of 0 for a price above 0", "rows": None, "calls": 1},
            {"check": "refused: bad_tokens", "rows": 3, "calls": 3},
            {"check": "repeated", "rows": 1, "calls": None},
            {"check": "unmatched", "rows": None, "calls": 1},
        ],
    }
    notes = " ".join(_notes(one))
    for words in (
        "Endpoints cost $12.50 less than the listed prices",
        "The release has no endpoint prices for these calls",
        "name one endpoint for 75.0% of the calls",
        "Basis of the listed prices: carried, observed (carried: from before; backcast: from after the calls).",
        "Basis of the endpoints' prices: backcast (",
        "No known model, so without a price: 1 call of acme/plai.",
        "Charged with 0 although the model has a price: 1 call",
        "Logged more than once, and counted once: 1 row.",
        "Not usable (numbers of tokens that are negative or not whole): 3 rows.",
        "May be the same calls as those also in litellm: 2 calls.",
    ):
        assert words in notes
