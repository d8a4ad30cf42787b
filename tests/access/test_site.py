"""A site holds dated copies of releases that never change, and `latest.json` points to a complete one."""

import itertools
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import CommandLine, Run
from published_release import FIRST, SECOND, THIRD, add_release

from orchestration.access.site import CHECKSUMS, LATEST, publish_to
from orchestration.errors import SiteError
from orchestration.publish.schema import SCHEMA_VERSION
from orchestration.storage.files import sync, write_atomically
from orchestration.storage.releases import FILE_NAME


@pytest.fixture
def data(tmp_path: Path) -> Path:
    add_release(tmp_path / "data", FIRST)
    return tmp_path / "data"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site"


def latest(site: Path) -> dict:
    return json.loads((site / LATEST).read_text(encoding="utf-8"))


def dated(site: Path) -> list[str]:
    return sorted(path.name for path in (site / "releases").iterdir())


def test_site_has_the_release_and_points_to_it(data: Path, site: Path) -> None:
    change = publish_to(site, data, kept=2)
    assert (change.folder, change.is_new) == (site / "releases" / "20260806T000519Z", True)
    release = (data / "published").resolve()
    for path in release.rglob("*"):
        if path.is_file():
            assert (change.folder / path.relative_to(release)).read_bytes() == path.read_bytes()
    found = latest(site)
    assert found["release"] == "20260806T000519Z"
    assert (found["schema_version"], found["source"]) == (SCHEMA_VERSION, "live")
    assert (found["as_of"], found["checked_at"]) == ("2026-08-06T01:00:00Z", "2026-08-06T02:00:00Z")
    paths = [found[name] for name in ("duckdb", "datapackage", "citation", "checksums", "report")]
    assert all((site / path).is_file() for path in paths)
    page = (site / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{path}"' in page for path in [*paths, LATEST])
    assert "Tokens &amp; &lt;prices&gt;" in page


def test_checksums_are_verified_by_sha256sum(data: Path, site: Path) -> None:
    folder = publish_to(site, data, kept=2).folder
    listed = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {line.split("  ")[1] for line in listed} == files - {CHECKSUMS}
    assert f"{latest(site)['duckdb_sha256']}  {FILE_NAME}" in listed
    check = ["sha256sum", "--check", "--strict", "--quiet", CHECKSUMS]
    assert subprocess.run(check, cwd=folder, check=False).returncode == 0


def test_publishing_again_changes_no_dated_file(data: Path, site: Path) -> None:
    folder = publish_to(site, data, kept=2).folder
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    (site / LATEST).unlink()  # as if the first was killed before its last step
    assert not publish_to(site, data, kept=2).is_new
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert latest(site)["release"] == folder.name


def test_changed_dated_folder_is_never_overwritten(data: Path, site: Path) -> None:
    folder = publish_to(site, data, kept=2).folder
    (folder / "report" / "index.html").write_text("changed", encoding="utf-8")
    with pytest.raises(SiteError, match="a dated folder is never overwritten"):
        publish_to(site, data, kept=2)
    assert (folder / "report" / "index.html").read_text(encoding="utf-8") == "changed"


def test_newest_releases_are_kept(data: Path, site: Path) -> None:
    for name in (SECOND, THIRD):
        publish_to(site, data, kept=2)
        add_release(data, name)
    change = publish_to(site, data, kept=2)
    assert change.removed == ("20260806T000519Z",)
    assert dated(site) == ["20260807T000519Z", "20260808T000519Z"]


def remove_slowly(remove: Callable[[Path], None]) -> Callable[[Path], None]:
    """Removes one file of a folder before the rest."""

    def remove_file_first(folder: Path) -> None:
        (folder / FILE_NAME).unlink(missing_ok=True)
        remove(folder)

    return remove_file_first


def test_kill_before_any_step_leaves_complete_releases(
    data: Path, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The publish that is killed adds one release and removes another."""
    for name in (SECOND, THIRD):
        publish_to(site, data, kept=2)
        add_release(data, name)
    for killed_at in itertools.count(1):
        trial = shutil.copytree(site, tmp_path / f"trial-{killed_at}")
        steps = itertools.count(1)

        def killing(
            step: Callable[..., Any], steps: Iterator[int] = steps, last: int = killed_at
        ) -> Callable[..., Any]:
            def take(*arguments: Any) -> Any:
                if next(steps) == last:
                    raise KeyboardInterrupt
                return step(*arguments)

            return take

        with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
            for module, function in (("site.sync", sync), ("site.write_atomically", write_atomically)):
                patched.setattr(f"orchestration.access.{module}", killing(function))
            patched.setattr("orchestration.access.site.shutil.copytree", killing(shutil.copytree))
            patched.setattr("orchestration.access.site.shutil.rmtree", remove_slowly(killing(shutil.rmtree)))
            patched.setattr(Path, "replace", killing(Path.replace))
            publish_to(trial, data, kept=2)
            break
        complete = [folder for folder in (trial / "releases").iterdir() if folder.name.endswith("Z")]
        for folder in complete:
            check = ["sha256sum", "--check", "--strict", "--status", CHECKSUMS]
            assert subprocess.run(check, cwd=folder, check=False).returncode == 0, (killed_at, folder)
        assert latest(trial)["release"] in {folder.name for folder in complete}
        publish_to(trial, data, kept=2)
        assert dated(trial) == ["20260807T000519Z", "20260808T000519Z"]
        assert latest(trial)["release"] == "20260808T000519Z"
    assert killed_at > 10


def test_rolled_back_release_is_kept_and_pointed_to(data: Path, site: Path) -> None:
    for name in (SECOND, THIRD):
        publish_to(site, data, kept=3)
        add_release(data, name)
    publish_to(site, data, kept=3)
    (data / "published").unlink()
    (data / "published").symlink_to(data / "releases" / FIRST)
    assert publish_to(site, data, kept=2).removed == ("20260807T000519Z",)
    assert latest(site)["release"] == "20260806T000519Z"
    assert dated(site) == ["20260806T000519Z", "20260808T000519Z"]


def test_damaged_release_leaves_the_site_unchanged(data: Path, site: Path) -> None:
    publish_to(site, data, kept=2)
    folder = add_release(data, SECOND)
    with (folder / "citations.parquet").open("ab") as file:
        file.write(b"x")
    with pytest.raises(SiteError, match=r"citations\.parquet is not as datapackage\.json describes it"):
        publish_to(site, data, kept=2)
    assert latest(site)["release"] == "20260806T000519Z"
    assert dated(site) == ["20260806T000519Z"]


def test_failed_copy_leaves_the_site_unchanged(data: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_to(site, data, kept=2)
    add_release(data, SECOND)

    def fill_disk(_: Path) -> None:
        raise OSError(28, "No space left on device", "file")

    with monkeypatch.context() as patched:
        patched.setattr("orchestration.access.site.sync", fill_disk)
        with pytest.raises(SiteError, match=r"No space left on device.*are unchanged"):
            publish_to(site, data, kept=2)
    assert latest(site)["release"] == "20260806T000519Z"
    assert publish_to(site, data, kept=2).is_new
    assert dated(site) == ["20260806T000519Z", "20260807T000519Z"]


def test_simulated_release_is_refused(tmp_path: Path, site: Path) -> None:
    add_release(tmp_path / "data", FIRST, "simulator")
    with pytest.raises(SiteError, match=r"is simulated.*Nothing was copied"):
        publish_to(site, tmp_path / "data", kept=2)
    assert not site.exists()


def test_site_holds_one_source(data: Path, site: Path) -> None:
    """`make run` reads the sample when OpenRouter does not respond: old figures must not replace those of a site."""
    publish_to(site, data, kept=2)
    add_release(data, SECOND, "sample")
    with pytest.raises(
        SiteError, match=r"holds releases of the source live, but the release in .* has the source sample"
    ):
        publish_to(site, data, kept=2)
    assert dated(site) == ["20260806T000519Z"]


@pytest.mark.parametrize("content", ["", "[]", "{}"])
def test_damaged_pointer_is_not_replaced(content: str, data: Path, site: Path) -> None:
    site.mkdir()
    (site / LATEST).write_text(content, encoding="utf-8")
    with pytest.raises(SiteError, match=r"cannot be read.*Restore the file or delete it"):
        publish_to(site, data, kept=2)
    assert [path.name for path in site.iterdir()] == [LATEST]


def test_data_folder_is_no_site(data: Path) -> None:
    (data / "raw").mkdir()
    with pytest.raises(SiteError, match="is a data folder or a release"):
        publish_to(data, data, kept=2)


def test_release_without_schema_version_is_refused(data: Path, site: Path) -> None:
    path = data / "published" / "datapackage.json"
    package = json.loads(path.read_text(encoding="utf-8"))
    del package["schema_version"]
    path.write_text(json.dumps(package), encoding="utf-8")
    with pytest.raises(SiteError, match="an older version of Routerscope published it"):
        publish_to(site, data, kept=2)


def test_command_reports_what_it_did(command_line: CommandLine, data: Path, tmp_path: Path) -> None:
    arguments = ("publish-to", str(tmp_path / "site"), "--data", str(data))
    done = command_line(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"Published the release to {tmp_path}/site/releases/20260806T000519Z.",
        f"{tmp_path}/site/latest.json points to it.",
    ]
    assert "was already in" in command_line(*arguments).stdout
    (tmp_path / "site" / LATEST).write_text("", encoding="utf-8")
    assert command_line(*arguments).returncode == 1


@pytest.mark.usefixtures("all_recordings")
def test_release_has_no_descriptions_of_third_parties(everything: Run) -> None:
    """OpenRouter's list has descriptions of models by their makers, which are no facts and have no stated licence."""
    lake = f"{everything.data}/raw/models/*/*.parquet"
    with duckdb.connect(str(everything.published), read_only=True) as connection:
        # Their first words: no text of a release begins like a description and goes on.
        described = connection.sql(
            f"select distinct description[:60] from read_parquet('{lake}', union_by_name = true) "
            "where length(description) >= 60"
        ).fetchall()
        assert len(described) > 100
        columns = connection.sql(
            "select table_name, column_name from duckdb_columns() "
            "where database_name = current_database() and data_type = 'VARCHAR'"
        ).fetchall()
        texts = " union ".join(f'select "{column}" as text from "{table}"' for table, column in columns)
        long = connection.sql(f"select distinct text[:60] from ({texts}) where length(text) >= 60").fetchall()
    assert set(described) & set(long) == set()
    written = [path for path in (everything.data / "published").rglob("*") if path.suffix in (".json", ".yaml", ".csv")]
    for path in [*written, everything.data / "published" / "report" / "index.html"]:
        text = path.read_text(encoding="utf-8")
        assert [one for (one,) in described if one in text] == [], path.name
