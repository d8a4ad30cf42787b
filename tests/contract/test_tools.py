"""The exports in the tools that they are for, each in an environment of its own and without a network.

Run by `make contract`, because the environments need a package index and half a gigabyte.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from conftest import PROJECT, Run

HERE = Path(__file__).parent
ENVIRONMENTS = PROJECT / "target" / "contract"
MAX_RELATIVE_ERROR = 1e-12
PROMPTFOO = "0.123.1"
NODE = "22.22.0"
LENGTHS = "(values (1000), (32000), (32001), (128001), (200000), (200001), (256001), (272000), (272001), (600000))"
CALLS = f"""
    select model_id, p as prompt, 777 as completion, p // 3 as cached, p // 7 as written,
        cost_usd(prices, p, 777, cached_tokens := p // 3, cache_written_tokens := p // 7) as cost
    from price_current, {LENGTHS} as lengths (p)
    where prices.prompt is not null and prices.completion is not null and coalesce(prices.request, 0) = 0
    order by model_id, p
"""

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def litellm_python() -> Path:
    folder = ENVIRONMENTS / "litellm"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", HERE / "litellm.lock"]
        subprocess.run(install, check=True)
    return python


def test_litellm_computes_the_same_costs(litellm_python: Path, everything: Run, tmp_path: Path) -> None:
    """At and around each length of a prompt at which a listed price changes, for every exported id."""
    exports = everything.published.parent / "exports" / "litellm"
    with duckdb.connect(str(everything.published), read_only=True) as connection:
        calls = connection.sql(CALLS).fetchall()
    (tmp_path / "calls.json").write_text(json.dumps([call[:5] for call in calls]), encoding="utf-8")
    environment = {"PATH": os.defpath, "HOME": str(tmp_path), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    done = subprocess.run(
        [
            litellm_python,
            HERE / "run_litellm.py",
            exports / "model_prices.json",
            exports / "config.yaml",
            tmp_path / "calls.json",
        ],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    wrong = [
        (call, cost)
        for call, cost in zip(calls, found["costs"], strict=True)
        if abs(float(call[5]) - cost) > MAX_RELATIVE_ERROR * max(float(call[5]), cost)
    ]
    assert wrong == []
    assert len(calls) > 3000
    assert found["deployments"] > 20
    assert found["answer"] == "Hello"


@pytest.fixture(scope="module")
def promptfoo() -> list[str]:
    """The command that runs promptfoo, with a Node of its own: the machine's may be too old."""
    folder = ENVIRONMENTS / "promptfoo"
    program = folder / "node_modules" / "promptfoo" / "dist" / "src" / "entrypoint.js"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text("{}", encoding="utf-8")
        install = ["npm", "install", "--no-audit", "--no-fund", "--silent", f"node@{NODE}", f"promptfoo@{PROMPTFOO}"]
        subprocess.run(install, cwd=folder, check=True)
    return [str(folder / "node_modules" / "node" / "bin" / "node"), str(program)]


OFFLINE = {
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
    "OPENROUTER_API_KEY": "none",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
}


def run_promptfoo(promptfoo: list[str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.defpath, "HOME": str(folder), "PROMPTFOO_CONFIG_DIR": str(folder / "state"), **OFFLINE}
    return subprocess.run(
        [*promptfoo, *arguments], cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False
    )


def test_promptfoo_accepts_its_configuration(promptfoo: list[str], everything: Run, tmp_path: Path) -> None:
    shutil.copytree(everything.published.parent / "exports" / "promptfoo", tmp_path / "config")
    valid = run_promptfoo(promptfoo, tmp_path / "config", "validate", "config", "-c", "promptfooconfig.yaml")
    assert valid.returncode == 0, valid.stdout + valid.stderr
    assert "Configuration is valid" in valid.stdout + valid.stderr


def test_promptfoo_runs_prompt_and_cases(promptfoo: list[str], everything: Run, tmp_path: Path) -> None:
    """With its own provider `echo`, which repeats the prompt, and an answer that is part of it."""
    folder = tmp_path / "config"
    shutil.copytree(everything.published.parent / "exports" / "promptfoo", folder)
    cases = (folder / "cases.yaml").read_text(encoding="utf-8").replace("three hours?", "three hours? 180")
    (folder / "cases.yaml").write_text(cases, encoding="utf-8")
    (folder / "echo.yaml").write_text(
        "prompts: [file://prompt.txt]\nproviders: [echo]\ntests: file://cases.yaml\n", encoding="utf-8"
    )
    done = run_promptfoo(promptfoo, folder, "eval", "-c", "echo.yaml", "-o", "result.json", "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr
    stats = json.loads((folder / "result.json").read_text(encoding="utf-8"))["results"]["stats"]
    assert (stats["successes"], stats["failures"], stats["errors"]) == (1, 0, 0)
