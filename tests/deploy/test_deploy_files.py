"""The files in deploy/ are valid, agree with the project, and keep secrets where they belong."""

import os
import re
import shutil
import subprocess
import tomllib
from importlib import metadata

import pytest
import yaml
from conftest import PROJECT
from containers import COMPOSE, DEPLOY, DOCKERFILE
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from orchestration.storage.inputs import _CODE

PINNED = re.compile(r"^([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==", re.MULTILINE)


def test_dagster_yaml_differs_from_default_in_storage_only() -> None:
    ours, default = (
        yaml.safe_load((PROJECT / folder / "dagster.yaml").read_text(encoding="utf-8"))
        for folder in ("deploy", "dagster_home")
    )
    assert {name: value for name, value in ours.items() if name not in ("storage", "compute_logs")} == default


def test_image_installs_extras_from_the_locks() -> None:
    """The step that selects their pins is run as the Dockerfile has it."""
    [step] = re.findall(r"awk .* requirements-dev\.lock(?= > extras\.lock)", DOCKERFILE)
    selected = subprocess.run(["sh", "-c", step], cwd=PROJECT, capture_output=True, encoding="utf-8", check=True).stdout
    extras = set(PINNED.findall(selected))
    assert selected.count("--hash=sha256:") >= len(extras)
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extra in ("postgres", "remote"):
        names = {Requirement(text).name for text in declared["optional-dependencies"][extra]}
        assert names <= extras
    installed = extras | set(PINNED.findall((PROJECT / "requirements.lock").read_text(encoding="utf-8")))
    needed = [Requirement(text) for name in extras for text in metadata.requires(name) or []]
    applicable = {canonicalize_name(one.name) for one in needed if not one.marker or one.marker.evaluate({"extra": ""})}
    assert applicable <= installed


def test_image_holds_the_code_and_nothing_private() -> None:
    first, *lines = (
        line
        for line in (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    assert first == "*"
    copied = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert {pattern.partition("/")[0] for pattern in _CODE} <= copied
    assert copied.isdisjoint({".", ".git", "data", "deploy", "docs", "target", "tests"})
    assert all((PROJECT / path).exists() for path in copied)


def test_secrets_reach_only_the_services_that_need_them() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    services = COMPOSE["services"]
    assert {value for one in services.values() for name, value in one["environment"].items() if "PASSWORD" in name} == {
        "${POSTGRES_PASSWORD:?set it in the file .env beside compose.yaml}"
    }
    assert [name for name, service in services.items() if "env_file" in service] == ["code"]
    assert not re.search(r"sk-or-|://\S+@", text)
    ignored = (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "deploy/.env" in ignored


def test_only_loopback_reaches_a_port() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:3000:3000"]


def test_cronjob_has_the_schema_of_kubernetes() -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    text = (DEPLOY / "kubernetes" / "cronjob.yaml").read_text(encoding="utf-8")
    for resource in yaml.safe_load_all(text):
        kubernetes_validate.validate(resource, "1.27", strict=True)


def test_cronjob_runs_as_the_user_of_the_image() -> None:
    cronjob, claim = yaml.safe_load_all((DEPLOY / "kubernetes" / "cronjob.yaml").read_text(encoding="utf-8"))
    pod = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    [uid] = re.findall(r"^USER (\d+):\1$", DOCKERFILE, re.MULTILINE)
    assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsNonRoot"]) == (int(uid), True)
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    [claimed] = [
        one["name"]
        for one in pod["volumes"]
        if one.get("persistentVolumeClaim") == {"claimName": claim["metadata"]["name"]}
    ]
    [folder] = [one["value"] for one in pod["containers"][0]["env"] if one["name"] == "ROUTERSCOPE_DATA_DIR"]
    assert mounts[claimed] == folder
    assert not any("KEY" in one["name"] for one in pod["containers"][0]["env"])


def test_systemd_accepts_the_unit() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs Debian's systemd")
    command = ["systemd-analyze", "verify", "--man=no", str(DEPLOY / "routerscope.service")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, env={"PATH": os.defpath})
    assert (done.returncode, done.stderr) == (0, "")
