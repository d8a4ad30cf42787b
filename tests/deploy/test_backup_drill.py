"""The machine is lost: a backup, made and restored by the documented commands, gives the same figures and claims."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import postgres
import pytest
from conftest import PROJECT, REFRESH, Run, copy_recordings, differing, replay_environment
from containers import DATA_IN_IMAGE, DEPLOY

DEPLOYING, UPGRADING = PROJECT / "docs" / "how-to" / "deploy.md", PROJECT / "docs" / "upgrading.md"
# Concern containers, which the test does not have.
OTHERS = r"docker compose (build|stop|up)( .*)?"
IN_SERVICE = r"docker compose (?:exec|run --rm --no-deps) -T (?:code|postgres) (.*)"


def documented(guide: Path, block: str) -> list[str]:
    """What the commands of a block of a guide run inside of the services, in order."""
    [body] = re.findall(rf"^```{block}\n(.*?)^```", guide.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    found = [line for line in body.splitlines() if not re.fullmatch(OTHERS, line)]
    return [re.fullmatch(IN_SERVICE, line)[1] for line in found]  # type: ignore[index]


class Machine:
    """A data folder, and a Postgres server with the history of its runs."""

    def __init__(self, folder: Path, url: str, recordings: Path) -> None:
        self.data, self._backup = folder / "data", folder.parent
        self.data.mkdir(parents=True)
        variables = postgres.variables(url)
        names = {"PGHOST": "POSTGRES_HOST", "PGPORT": "POSTGRES_PORT"}
        self.environment = {
            **replay_environment(self.data, recordings, DEPLOY),
            **variables,
            **{name: variables[other] for name, other in names.items()},
            "PATH": os.pathsep.join(
                [str(postgres.binary("pg_dump").parent), str(Path(sys.executable).parent), os.environ["PATH"]]
            ),
        }

    def run(self, command: str) -> Run:
        """A documented command; files beside the machine's folder are those of its operator."""
        program, *words = command.split()
        if program.startswith("pg_"):  # the test's server has other names
            words = [re.sub(r"^(--username=|--dbname=|)dagster$", r"\1routerscope", word) for word in words]
        words = [str(self.data) if word == DATA_IN_IMAGE else word for word in words]
        mapped = [*(REFRESH[:-1] if program == "routerscope" else [program]), *words]
        done = subprocess.run(
            ["sh", "-c", " ".join(mapped)],
            cwd=self._backup,
            env=self.environment | {"PYTHONPATH": str(PROJECT)},
            capture_output=True,
            encoding="utf-8",
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return Run(self.data, done.returncode, done.stdout)

    def claims(self) -> dict[str, bytes]:
        folder = self.data / "claim_history"
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def runs(self) -> list[tuple[str, str]]:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            with dg.DagsterInstance.from_config(str(DEPLOY)) as instance:
                return [(run.run_id, run.status.value) for run in instance.get_runs()]


@pytest.mark.long
def test_restored_machine_publishes_the_same(tmp_path: Path, recordings: Path) -> None:
    few = copy_recordings(recordings, tmp_path / "recordings")
    with postgres.server() as url:
        lost = Machine(tmp_path / "lost", url, few)
        before, claims = lost.run("routerscope run"), lost.claims()
        history = lost.runs()
        for command in documented(DEPLOYING, "backup"):
            lost.run(command)
        marts = before.data.rename(tmp_path / "marts")
    shutil.rmtree(tmp_path / "lost")
    with postgres.server() as url:
        restored = Machine(tmp_path / "restored", url, few)
        runs = [restored.run(command) for command in documented(DEPLOYING, "restore")]
        assert claims
        assert restored.claims() == claims
        assert differing(runs[-1], Run(marts, 0, "")) == []
        assert restored.runs()[1:] == history
        for command in documented(UPGRADING, "upgrade"):
            restored.run(command)
        assert [status for _, status in restored.runs()] == ["SUCCESS", "SUCCESS"]
