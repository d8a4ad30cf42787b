"""The resource `folder` tags a run, and records beside the data how it ended."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from object_server import KEY, SECRET, ObjectServer
from remote_host import Host

from orchestration.defs import resources
from orchestration.defs.resources import DataFolder, dagster_failures
from orchestration.errors import MigrationError
from orchestration.storage.last_run import last_run


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def run(instance: dg.DagsterInstance, work: Callable[[dg.OpExecutionContext], None]) -> None:
    @dg.op(required_resource_keys={"folder"})
    def step(context: dg.OpExecutionContext) -> None:
        work(context)

    @dg.job(resource_defs={"folder": DataFolder()}, executor_def=dg.in_process_executor)
    def one() -> None:
        step()

    one.execute_in_process(instance=instance, raise_on_error=False)


def fail(_: dg.OpExecutionContext) -> None:
    raise ValueError("no")


def cancel(context: dg.OpExecutionContext) -> None:
    """What terminating a run in Dagster's UI does."""
    context.instance.report_run_canceling(context.run)
    raise dg.DagsterExecutionInterruptedError


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "simulator")
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("work", "state"),
    [(lambda _: None, "SUCCESS"), (fail, "FAILURE"), (cancel, "CANCELED")],
    ids=["success", "failure", "cancel"],
)
def test_end_of_a_run_is_recorded(
    data: Path, instance: dg.DagsterInstance, work: Callable[[dg.OpExecutionContext], None], state: str
) -> None:
    run(instance, work)
    found = last_run(data)
    assert found is not None
    assert (found.run_id, found.state) == (instance.get_runs()[0].run_id, state)
    assert found.ended is not None


@pytest.mark.usefixtures("data")
def test_run_names_its_source_and_code_location(instance: dg.DagsterInstance) -> None:
    run(instance, lambda _: None)
    tags = instance.get_runs()[0].tags
    assert tags["routerscope/source"] == "simulator"
    assert tags[".dagster/repository"] == "__repository__@routerscope"  # the name in workspace.yaml


def test_run_that_cannot_migrate_is_recorded_as_failed(
    data: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> list[str]:
        raise MigrationError("no")

    monkeypatch.setattr(resources, "migrate", refuse)
    run(instance, lambda _: None)
    assert getattr(last_run(data), "state", None) == "FAILURE"


@pytest.fixture
def shared(data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """Another host that shares its lake with the data folder, and has published a release."""
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "sample")
    with ObjectServer() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        host = Host(server.address(), data / "other")
        host.run(1)
        monkeypatch.setenv("ROUTERSCOPE_REMOTE", host.address)
        monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(data / "here"))
        yield host


def test_run_pulls_first_and_pushes_what_it_adds(shared: Host, data: Path, instance: dg.DagsterInstance) -> None:
    here = Host(shared.address, data / "here")

    def work(context: dg.OpExecutionContext) -> None:
        assert here.state() == shared.state()
        here.observe(2)
        context.resources.folder.push_raw("rankings", context.log.info)
        here.publish()
        context.resources.folder.push_release(context.log.info)

    run(instance, work)
    assert getattr(last_run(here.data), "state", None) == "SUCCESS"
    shared.remote().pull("real")
    assert shared.state() == here.state()
    assert len(shared.contents()) == 2


def test_run_pushes_what_a_killed_run_left(shared: Host, data: Path, instance: dg.DagsterInstance) -> None:
    Host(shared.address, data / "here").observe(2)
    run(instance, lambda _: None)
    shared.remote().pull("real")
    assert len(shared.lake.files("*")) == 2


@pytest.mark.usefixtures("shared")
def test_failed_pull_fails_the_run_without_secrets(
    data: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAWRONG")
    run(instance, fail)
    assert getattr(last_run(data / "here"), "state", None) == "FAILURE"
    events = repr(instance.all_logs(instance.get_runs()[0].run_id))
    assert "published.json could not be read: the server answered InvalidAccessKeyId" in events
    assert not any(secret in events for secret in (SECRET, KEY, "AKIAWRONG", "StringToSign"))


def test_error_of_the_disk_is_a_failure_for_users() -> None:
    message = r"/data/x cannot be read or written: No space left.*Free disk space"
    with pytest.raises(dg.Failure, match=message), dagster_failures():
        raise OSError(28, "No space left on device", "/data/x")
