"""Whole runs on hosts that share a lake in object storage publish what one host would."""

from pathlib import Path

import pytest
from conftest import FEW, Run, copy_recordings, differing, make_home, run
from object_server import ObjectServer
from remote_host import Host

pytestmark = pytest.mark.long


def test_hosts_in_turn_publish_what_one_host_would(few_run: Run, recordings: Path, tmp_path: Path) -> None:
    """Each has recordings that the other lacks, and a disk that does not outlive the run."""
    newest = ("rankings-daily/20260626T000020Z.json.gz", "models/20260625T010231Z.json.gz")
    parts = {"one": tuple(name for name in FEW if name not in newest), "other": newest}
    with ObjectServer() as server:
        address = server.address()

        def run_on(name: str) -> Run:
            folder = tmp_path / name
            return run(
                folder / "data",
                make_home(folder / "home"),
                ROUTERSCOPE_SOURCE="replay",
                ROUTERSCOPE_REPLAY_DIR=copy_recordings(recordings, folder / "recordings", parts[name]),
                ROUTERSCOPE_REMOTE=address,
                **server.environment(),
            )

        one, other = run_on("one"), run_on("other")
        assert (one.code, other.code) == (0, 0), one.output + other.output
        assert f"Published in {address}" in other.output
        assert "Pulled 4 of 4 raw files" in other.output
        with pytest.MonkeyPatch.context() as patch:
            for name, value in server.environment().items():
                patch.setenv(name, value)
            reader = Host(address, tmp_path / "reader")
            reader.remote().pull_release()
    assert reader.published == other.published.resolve().parent.name
    assert differing(Run(reader.data, 0, ""), few_run) == []
