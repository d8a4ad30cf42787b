"""The dbt package, used as its README shows, in a project of others."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import duckdb
from conftest import PROJECT, Run, environment

from orchestration.transform import DBT_PYTHON

PACKAGE = PROJECT / "dbt_package"
FILES = re.compile(r"^```(?:yaml|sql)\n(?:#|--) (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# The commands in one process: most of their time is starting it.
COMMANDS = """
import sys
from dbt.cli.main import dbtRunner
for command in (["deps"], ["build", "--select", "source:routerscope.share_model+"], ["source", "freshness"]):
    result = dbtRunner().invoke(command)
    if result.exception or not (result.success or command[0] == "source"):
        sys.exit(f"{command}: {result.exception}")
"""


def test_project_of_others_builds_on_the_package(few_run: Run, tmp_path: Path) -> None:
    project = tmp_path / "consumer"
    for name, content in FILES.findall((PACKAGE / "README.md").read_text(encoding="utf-8")):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(content, encoding="utf-8")
    (project / "packages.yml").write_text(f"packages: [{{local: {PACKAGE}}}]\n", encoding="utf-8")
    (project / "dbt_project.yml").write_text(
        "{name: consumer, profile: consumer, model-paths: [models]}\n", encoding="utf-8"
    )
    shutil.copy(few_run.published, project)
    settings = environment(tmp_path, DBT_SEND_ANONYMOUS_USAGE_STATS="0", DBT_PROFILES_DIR=project)
    done = subprocess.run(
        [DBT_PYTHON, "-c", COMMANDS], cwd=project, env=settings, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    leaders = "select period_start, model_permaslug, share, as_of from share_model where period = 'week' and rank = 1"
    with duckdb.connect(str(project / "consumer.duckdb"), read_only=True) as connection:
        connection.execute(f"attach '{project}/routerscope.duckdb' as routerscope (read_only)")  # `leaders` is a view
        assert connection.sql("from leaders order by all").fetchall() == few_run.query(f"{leaders} order by all")
    measured = json.loads((project / "target" / "sources.json").read_text(encoding="utf-8"))["results"]
    found = {one["unique_id"].rpartition(".")[2]: one for one in measured}
    assert found.keys() == {"share_model", "price_current", "price_endpoint", "provider"}
    [(checked_at,)] = few_run.query("select max(checked_at) from share_model")
    assert found["share_model"]["status"] == "error", "the recordings are old"
    assert found["share_model"]["max_loaded_at"].startswith(checked_at.isoformat())
