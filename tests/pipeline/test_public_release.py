"""The workflow that publishes a release every day: its steps run here, with a fake GitHub and a fake fetch."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import PROJECT, environment

from orchestration.storage.files import sha256

WORKFLOW = PROJECT / ".github" / "workflows" / "public-release.yml"
STEPS = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["release"]["steps"]
# GitHub's draft release: a folder whose files are its assets.
GH = """#!/usr/bin/env bash
set -euo pipefail
cd "$ASSETS_PARENT"
case "$1 $2" in
"release view") ls assets ;;
"release create") mkdir assets; [ "$4" = --draft ] ;;
"release upload") cd "$OLDPWD" && cp "$4" "$ASSETS_PARENT/assets" ;;
"release download") cp "assets/$7" "$OLDPWD/$5" ;;
"release delete-asset") rm "assets/$4" ;;
esac
"""
# A fetch of one response and a release; the fetch succeeds even if the build fails.
MAKE = """#!{python}
import os, pathlib, sys
from published_release import add_release
assert sys.argv[1:] == ["run", "SOURCE=live"]
day = os.environ["DAY"]
lake = pathlib.Path("data/live/raw")
lake.mkdir(exist_ok=True)
(lake / day).touch()
if os.environ.get("FAILS"):
    sys.exit(2)
add_release(pathlib.Path("data/live"), f"202608{{day}}T000519.000000Z")
pathlib.Path("data/live/claim_history", day).touch()
"""
ROUTERSCOPE = """#!/bin/sh
exec {python} -m orchestration.cli "$@"
"""


@pytest.fixture
def github(tmp_path: Path) -> Path:
    """A folder with fake programs in `bin`; the assets of the draft release are in `assets`."""
    for name, text in {"gh": GH, "make": MAKE, "routerscope": ROUTERSCOPE}.items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(text.format(python=sys.executable) if "{python}" in text else text, encoding="utf-8")
        program.chmod(0o755)
    return tmp_path


def run_workflow(github: Path, day: int, first: bool = False, fails: bool = False) -> tuple[list[str], Path]:
    """The names of the steps that failed, and the fresh checkout in which they ran."""
    checkout = github / f"checkout-{day}"
    shutil.copytree(PROJECT / ".ci", checkout / ".ci")
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "bin").symlink_to(github / "bin")
    settings = {
        "ASSETS_PARENT": github,
        "DAY": f"{day:02}",
        "FAILS": "1" if fails else "",
        "GITHUB_STEP_SUMMARY": github / "summary",
        "PATH": f"{github / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": f"{PROJECT}:{PROJECT / 'tests'}",
        "VERB": "start" if first else "restore",
    }
    failed: list[str] = []
    for step in STEPS:
        is_kept = "!cancelled()" in step.get("if", "") and "Restore the lake and the site" not in failed
        if "run" in step and (not failed or is_kept):
            shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            if subprocess.run(shell, cwd=checkout, env=environment(github, **settings), check=False).returncode:
                failed.append(step["name"])
    return failed, checkout


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def keep(github: Path, verb: str) -> int:
    """Run a verb of `.ci/public-release` in the folder `checkout`; returns its exit code."""
    checkout = github / "checkout"
    shutil.copytree(PROJECT / ".ci", checkout / ".ci", dirs_exist_ok=True)
    settings = environment(github, ASSETS_PARENT=github, PATH=f"{github / 'bin'}:{os.environ['PATH']}")
    return subprocess.run([".ci/public-release", verb], cwd=checkout, env=settings, check=False).returncode


def test_each_day_continues_the_lake_and_the_site(github: Path) -> None:
    """On the second day a check fails: the responses are kept, and nothing is published."""
    assert run_workflow(github, 1, first=True)[0] == []
    assert run_workflow(github, 2, fails=True)[0] == ["Fetch, build, check"]
    assert [name for name in names(github / "assets") if name.startswith("site-")] == ["site-20260801T000519Z.tar"]
    failed, checkout = run_workflow(github, 3)
    assert failed == []
    assert names(checkout / "data" / "live" / "raw") == ["01", "02", "03"]
    assert names(checkout / "data" / "live" / "claim_history") == ["01", "03"]
    assert names(checkout / "site" / "releases") == ["20260801T000519Z", "20260803T000519Z"]
    assert '"release": "20260803T000519Z"' in (checkout / "site" / "latest.json").read_text(encoding="utf-8")


def test_lost_lake_is_not_replaced_by_an_empty_one(github: Path) -> None:
    (github / "assets").mkdir()
    failed, checkout = run_workflow(github, 1)
    assert failed == ["Restore the lake and the site"]
    assert not (checkout / "data" / "live" / "raw").exists()


def test_failed_list_of_assets_is_not_an_empty_list(github: Path) -> None:
    """The second list is that of the releases of the site: without it, they would be dropped."""
    (github / "assets").mkdir()
    subprocess.run(
        ["tar", "--create", "--file", github / "assets" / "lake-1.tar", "--files-from", "/dev/null"], check=True
    )
    fake = (github / "bin" / "gh").read_text(encoding="utf-8")
    fails = '"release view") [ ! -e listed ]; touch listed; ls assets ;;'
    (github / "bin" / "gh").write_text(fake.replace('"release view") ls assets ;;', fails), encoding="utf-8")
    assert keep(github, "restore") == 1
    assert (github / "listed").exists()


def test_existing_lake_is_not_begun_again(github: Path) -> None:
    (github / "assets").mkdir()
    (github / "assets" / "lake-20260801T000000Z.tar").touch()
    assert run_workflow(github, 2, first=True)[0] == ["Restore the lake and the site"]
    assert names(github / "assets") == ["lake-20260801T000000Z.tar"]


def test_site_is_stored_without_what_it_dropped_and_verified(github: Path) -> None:
    release = github / "checkout" / "site" / "releases" / "20260802T000519Z"
    release.mkdir(parents=True)
    (github / "checkout" / "data" / "live" / "raw").mkdir(parents=True)
    (github / "assets").mkdir()
    (github / "assets" / "site-20260801T000519Z.tar").touch()
    (release / "file").write_text("", encoding="utf-8")
    (release / "SHA256SUMS").write_text(f"{sha256(release / 'file')}  file\n", encoding="utf-8")
    (release.parent.parent / "latest.json").write_text('{\n "release": "20260802T000519Z",\n}', encoding="utf-8")
    assert (keep(github, "save-lake"), keep(github, "save-site")) == (0, 0)
    assert names(github / "assets")[1:] == ["site-20260802T000519Z.tar"]
    shutil.rmtree(github / "checkout")
    assert keep(github, "restore") == 0
    (release / "file").write_text("damaged", encoding="utf-8")
    assert (keep(github, "save-site"), keep(github, "restore")) == (0, 1)


def test_newest_lakes_are_kept(github: Path) -> None:
    (github / "checkout" / "data" / "live" / "raw").mkdir(parents=True)
    (github / "assets").mkdir()
    for day in range(10, 20):
        (github / "assets" / f"lake-202501{day}T000000Z.tar").touch()
    assert keep(github, "save-lake") == 0
    kept = names(github / "assets")
    assert (len(kept), kept[0]) == (7, "lake-20250114T000000Z.tar")


def test_workflow_has_least_permissions_and_pinned_actions() -> None:
    text = WORKFLOW.read_text(encoding="utf-8")
    parsed = yaml.safe_load(text)
    assert parsed["permissions"] == {}
    assert {name: job["permissions"] for name, job in parsed["jobs"].items()} == {
        "release": {"contents": "write"},
        "deploy": {"pages": "write", "id-token": "write"},
    }
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v[\d.]+", one) for one in re.findall(r"uses: (.*)", text))
    # A value of GitHub's in a command could contain commands.
    assert not any("${{" in step.get("run", "") for job in parsed["jobs"].values() for step in job["steps"])
