"""How the command line ends and prints when something outside it goes away: Ctrl-C, a closed pipe, a poor encoding."""

import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from conftest import PROJECT, environment, make_home

from orchestration.access.release import open_release
from orchestration.cli.app import _ends_plainly
from orchestration.cli.run import _what_is_kept
from orchestration.cli.terminal import print_in_any_encoding, signals_noted
from orchestration.errors import SettingsError
from orchestration.storage.files import check_data_folder

UTF_8 = sys.getfilesystemencoding() == "utf-8"


def start(*arguments: str, **settings: object) -> subprocess.Popen[str]:
    """The command line in a session of its own, with Ctrl-C enabled even if the tests run in the background."""
    return subprocess.Popen(
        ["env", "--default-signal", sys.executable, "-m", "orchestration.cli", *arguments],
        cwd=PROJECT,
        env=environment(Path("/nowhere"), **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        encoding="utf-8",
    )


def test_characters_that_the_encoding_lacks_become_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="iso-8859-1"))
    print_in_any_encoding()
    sys.stdout.write("−3 % … 2 × ü → 中\n")
    sys.stdout.flush()
    assert written.getvalue() == b"-3 % ... 2 \xd7 \xfc -> \\u4e2d\n"


def test_reading_verb_ends_by_sigpipe_in_silence() -> None:
    process = start("ask")
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(30) == -signal.SIGPIPE


def test_version_without_reader_is_silent() -> None:
    process = start("--version")
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(30) == -signal.SIGPIPE


def test_work_goes_on_after_the_disk_of_its_log_is_full() -> None:
    code = "from orchestration.cli.terminal import say; say('a'); say('b'); import sys; sys.exit(3)"
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=PROJECT,
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            check=False,
        )
    assert done.returncode == 3
    assert done.stderr == "Standard output cannot be written: No space left on device. This goes on without it.\n"


def test_work_goes_on_after_its_reader_has_gone(tmp_path: Path) -> None:
    done = tmp_path / "done"
    code = f"from orchestration.cli.terminal import say; say('a'); say('b'); open({str(done)!r}, 'x').close()"
    reader, writer = os.pipe()
    os.close(reader)
    run = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, stdout=writer, stderr=subprocess.PIPE, check=True)
    os.close(writer)
    assert run.stderr == b""
    assert done.exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("Query interrupted")])
def test_ctrl_c_in_any_verb_is_one_sentence_and_130(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        except KeyboardInterrupt:
            raise error from None

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored if the tests run in the background
    try:
        with pytest.raises(typer.Exit) as ended:
            _ends_plainly(interrupted)()
    finally:
        signal.signal(signal.SIGINT, previous)
    assert ended.value.exit_code == 130
    assert capsys.readouterr().err.startswith("Interrupted. Every release is complete;")


@pytest.mark.parametrize(("verb", "kept"), [("add", "Each log is stored as a whole"), ("forget", "What is left")])
def test_ctrl_c_in_own_says_what_is_kept(
    verb: str, kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: Callable
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("orchestration.usage.intake.add_logs", interrupted)
    monkeypatch.setattr("orchestration.usage.privacy.forget", interrupted)
    (tmp_path / "own").mkdir()
    done = command_line("own", verb, *(["log"] if verb == "add" else ["--yes"]), "--data", str(tmp_path))
    assert done.returncode == 130
    assert done.stderr.startswith(f"Interrupted. {kept}")


def test_error_without_ctrl_c_is_not_called_an_interruption() -> None:
    def failing() -> None:
        raise RuntimeError("of another cause")

    with pytest.raises(RuntimeError, match="of another cause"):
        _ends_plainly(failing)()


def test_ctrl_c_while_probing_says_what_was_kept() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        process = start("run", ROUTERSCOPE_BASE_URL=f"http://127.0.0.1:{silent.getsockname()[1]}")
        silent.settimeout(30)
        connection, _ = silent.accept()
        with connection:  # if it were closed, the probe would end by itself
            os.killpg(process.pid, signal.SIGINT)
            output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (130, "Interrupted: nothing was fetched.\n", "")


def test_ctrl_c_while_building_leaves_no_process(started_from_few: Path, few: Path, tmp_path: Path) -> None:
    process = start(
        *("run", "--rebuild"),
        DAGSTER_HOME=make_home(tmp_path / "home"),
        ROUTERSCOPE_DATA_DIR=started_from_few,
        ROUTERSCOPE_SOURCE="replay",
        ROUTERSCOPE_REPLAY_DIR=few,
    )
    assert process.stdout
    published = (started_from_few / "published").resolve()
    assert any("building" in line for line in process.stdout)
    time.sleep(3)  # dbt has started
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 130, output + errors
    kept = "Interrupted: responses fetched so far are kept, and the published release is unchanged. Run again to"
    assert kept in output
    assert "Traceback" not in output + errors
    assert (started_from_few / "published").resolve() == published
    for _ in range(50):  # the system takes a moment to end what was killed
        left = subprocess.run(["pgrep", "-r", "R,S,D", "-s", str(process.pid)], capture_output=True, check=False)
        if not left.stdout:
            return
        time.sleep(0.1)
    pytest.fail(f"still running: {left.stdout!r}")


def test_signal_is_noted_whatever_it_is_turned_into() -> None:
    previous = signal.signal(signal.SIGINT, lambda *_: None)  # as Dagster's handler, which only notes it
    try:
        with signals_noted() as received:
            assert received() == 0
            os.kill(os.getpid(), signal.SIGINT)
            assert received() == signal.SIGINT
            assert received() == signal.SIGINT
    finally:
        signal.signal(signal.SIGINT, previous)


def test_ctrl_c_that_an_import_turns_into_another_error_is_plain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: Callable
) -> None:
    def interrupted(*_: object) -> int:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        except KeyboardInterrupt:
            raise ValueError("of the import") from None
        return 0

    monkeypatch.setattr("orchestration.cli.run._run_job", interrupted)
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        done = command_line("run", ROUTERSCOPE_SOURCE="sample", ROUTERSCOPE_DATA_DIR=tmp_path / "data")
    finally:
        signal.signal(signal.SIGINT, previous)
    assert done.returncode == 130
    assert "Interrupted: responses fetched so far are kept, and nothing was published." in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_what_is_kept_depends_on_the_release(tmp_path: Path) -> None:
    published = tmp_path / "published"
    assert "nothing was fetched" in _what_is_kept(None, None)
    assert "nothing was published" in _what_is_kept(tmp_path, published)
    published.mkdir()
    assert "the published release is unchanged" in _what_is_kept(tmp_path, published)
    assert "the new release is published" in _what_is_kept(tmp_path, tmp_path / "before")


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to(path), lambda path: path.symlink_to("gone")])
def test_data_folder_that_is_no_folder_is_refused(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "data")
    for folder in (tmp_path / "data", tmp_path / "data" / "live"):
        with pytest.raises(SettingsError, match=r"data is not a folder\. Nothing was changed\."):
            check_data_folder(folder)


def test_data_folder_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_data_folder(tmp_path / "new" / "folder")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(os, "access", lambda path, _: path != tmp_path)  # root may write anywhere
    with pytest.raises(SettingsError, match=f"this user may not write to {tmp_path}"):
        check_data_folder(tmp_path / "new" / "folder")


def test_path_that_duckdb_reads_differently_is_refused(tmp_path: Path) -> None:
    check_data_folder(tmp_path / "j\N{LATIN SMALL LETTER O WITH DIAERESIS}rg" if UTF_8 else tmp_path)
    folder = tmp_path / os.fsdecode(b"j\xf6rg")  # as a user of ISO 8859-1 names it
    for use in (check_data_folder, lambda path: open_release(path).__enter__()):
        with pytest.raises(SettingsError, match=r"DuckDB reads paths as UTF-8.*Set LC_ALL=C\.UTF-8, or"):
            use(folder)


@pytest.mark.parametrize("verb", ["run", "up", "ui", "rollback", "tidy"])
def test_verb_that_writes_refuses_a_file_as_data_folder(verb: str, tmp_path: Path, command_line: Callable) -> None:
    (tmp_path / "data").touch()
    done = command_line(verb, ROUTERSCOPE_SOURCE="sample", ROUTERSCOPE_DATA_DIR=tmp_path / "data")
    assert done.returncode == 2
    assert "is not a folder. Nothing was changed." in done.stdout
