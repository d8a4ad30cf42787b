"""A site: releases as static files that any web server can serve, in dated folders that never change.

    <site>/releases/<YYYYMMDDTHHMMSSZ>/   the files of a release, and SHA256SUMS
    <site>/latest.json                    the newest release: its folder, schema version, times and hash; replaced last
    <site>/index.html                     links for people

A site holds real data of one source. How a release is made is in `publish`; serving the files is the web server's job.
"""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.access.release import PublishedRelease, open_release
from orchestration.errors import SiteError
from orchestration.formatting import iso_timestamp
from orchestration.publish.datapackage import CITATION, PACKAGE
from orchestration.storage.files import locked, read_json, sha256, sync, write_atomically
from orchestration.storage.lake import LAKE_FOLDER
from orchestration.storage.releases import FILE_NAME
from orchestration.storage.sql import rows_as_dicts

CHECKSUMS = "SHA256SUMS"
LATEST = "latest.json"
RELEASES = "releases"
_INDEX = "index.html"  # also of the report
_UNFINISHED = ".unfinished"  # being written or removed
# The name of a release has fractions of a second; its dated folder has none.
_GENERATION = re.compile(r"(\d{8}T\d{6})\.\d+Z")
_DATED = re.compile(r"\d{8}T\d{6}Z")


@dataclass(frozen=True)
class SiteChange:
    """What publishing to a site did: the dated folder, whether it is new, and the names of the folders removed."""

    folder: Path
    is_new: bool
    removed: tuple[str, ...]


def publish_to(site: Path, data: Path | None, kept: int) -> SiteChange:
    """Copy the release of a data folder to a site, point `latest.json` to it, and keep the newest `kept` releases.

    A dated folder is written under another name, verified and then renamed; one that exists is never changed. A process
    that is killed leaves the site as it was, or with the new folder; publishing again completes it. Raises SiteError if
    the release must not be published there or a file cannot be written, and QueryError if there is no release.
    """
    with open_release(data) as release:
        _check(release, site)
        try:
            with locked(site / f".{RELEASES}.lock"):
                return _publish(release, site, kept)
        except OSError as error:
            raise SiteError(
                f"The release could not be published to {site}: {error}. The releases that it had are unchanged. Free "
                "disk space or fix the permissions of the folder, then publish again."
            ) from error


def _check(release: PublishedRelease, site: Path) -> None:
    """Raises SiteError if this release must not be published to this site."""
    package = release.package
    if package["is_simulated"]:
        raise SiteError(
            f"The release in {release.data} is simulated, and every figure in it is invented. Nothing was copied to "
            f"{site}. Publish real data: make run SOURCE=live"
        )
    if "schema_version" not in package or not _GENERATION.fullmatch(package["generation"]):
        raise SiteError(
            f"The release in {release.data} has no schema version: an older version of Routerscope published it. "
            f"Nothing was copied to {site}. Publish a new one: make run ARGS=--rebuild"
        )
    if (site / LAKE_FOLDER).exists() or (site / FILE_NAME).exists():
        raise SiteError(
            f"{site} is a data folder or a release, whose files a site must not mix with its own. Nothing was copied. "
            "Choose a folder that holds a site only, such as site."
        )
    try:
        source = read_json(site / LATEST)["source"]
    except FileNotFoundError:
        return
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SiteError(
            f"{site / LATEST} cannot be read ({error}), so the source of this site is unknown. Nothing was copied. "
            "Restore the file or delete it, then publish again."
        ) from error
    if source != package["made"]["source"]:
        raise SiteError(
            f"{site} holds releases of the source {source}, but the release in {release.data} has the source "
            f"{package['made']['source']}. Nothing was copied. Choose another folder, or select a data folder with "
            "--data."
        )


def _publish(release: PublishedRelease, site: Path, kept: int) -> SiteChange:
    name = _GENERATION.sub(r"\1Z", release.package["generation"])
    folder = site / RELEASES / name
    for unfinished in folder.parent.glob(f"*{_UNFINISHED}"):
        shutil.rmtree(unfinished)
    checksums = _verified_checksums(release)
    is_new = not folder.exists()
    if is_new:
        building = folder.with_name(f"{name}{_UNFINISHED}")
        shutil.copytree(release.folder, building)
        (building / CHECKSUMS).write_text(checksums, encoding="utf-8")
        _check_copy(building, checksums)
        for path in (*building.rglob("*"), building):
            sync(path)
        building.replace(folder)
        sync(folder.parent)
    else:
        _check_copy(folder, checksums)
    latest = _latest(release, name)
    write_atomically(site / _INDEX, _index(release, latest).encode())
    write_atomically(site / LATEST, f"{json.dumps(latest, indent=1)}\n".encode())
    return SiteChange(folder, is_new, _prune(folder, kept))


def _verified_checksums(release: PublishedRelease) -> str:
    """The lines of SHA256SUMS for a release. Raises SiteError if a file is not as the data package describes it."""
    checksums = _checksums(release.folder)
    hashes = {path: hash_ for hash_, path in (line.split("  ", 1) for line in checksums.splitlines())}
    described = {one["path"]: one["hash"].removeprefix("sha256:") for one in release.package["resources"]}
    described |= {name: hashes.get(name, "") for name in (PACKAGE, CITATION)}  # the package does not describe these
    if differing := sorted(path for path in hashes | described if hashes.get(path) != described.get(path)):
        raise SiteError(
            f"{release.folder / differing[0]} is not as {PACKAGE} describes it, so nothing was copied. Publish a new "
            "release: make run ARGS=--rebuild"
        )
    return checksums


def _checksums(folder: Path) -> str:
    """The files of a folder and its subfolders in the format of `sha256sum`, without SHA256SUMS itself."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return "".join(f"{sha256(path)}  {name}\n" for name, path in sorted(files.items()) if name != CHECKSUMS)


def _check_copy(folder: Path, checksums: str) -> None:
    """Raises SiteError unless the folder has exactly these files."""
    if _checksums(folder) != checksums:
        raise SiteError(
            f"{folder} differs from the release that it is named after, and a dated folder is never overwritten. "
            f"{LATEST} is unchanged. If nobody changed the folder, check the disk. Move it away, then publish again."
        )


def _latest(release: PublishedRelease, name: str) -> dict[str, Any]:
    """The content of `latest.json`; its paths are relative to it, its times are UTC."""
    package, path = release.package, f"{RELEASES}/{name}"
    cited = rows_as_dicts(release.connection.sql("select surface, as_of, checked_at from citations order by surface"))
    [database] = [one for one in package["resources"] if one["path"] == FILE_NAME]
    pages = [one["path"] for one in package["resources"] if one["path"].endswith(f"/{_INDEX}")]
    return {
        "release": name,
        "schema_version": package["schema_version"],
        "version": package["version"],
        "source": package["made"]["source"],
        "created": package["created"],
        **{time: iso_timestamp(max(row[time] for row in cited)) for time in ("as_of", "checked_at")},
        "surfaces": {
            row["surface"]: {time: iso_timestamp(row[time]) for time in ("as_of", "checked_at")} for row in cited
        },
        "folder": path,
        "duckdb": f"{path}/{FILE_NAME}",
        "duckdb_bytes": database["bytes"],
        "duckdb_sha256": database["hash"].removeprefix("sha256:"),
        "datapackage": f"{path}/{PACKAGE}",
        "citation": f"{path}/{CITATION}",
        "checksums": f"{path}/{CHECKSUMS}",
        "report": f"{path}/{pages[0]}" if pages else None,  # a release may lack a report that could not be made
    }


def _index(release: PublishedRelease, latest: Mapping[str, Any]) -> str:
    links = [(latest["report"], "Report")] if latest["report"] else []
    links += [
        (latest["duckdb"], "All tables as a DuckDB file"),
        (latest["datapackage"], "Tables as Parquet, described"),
    ]
    links += [(latest["citation"], "Scope, licences and how to cite"), (latest["checksums"], "Checksums")]
    links += [(LATEST, "The newest release, for programs")]
    items = "\n".join(f'<li><a href="{html.escape(path)}">{html.escape(text)}</a></li>' for path, text in links)
    paragraphs = "\n".join(
        f"<p>{html.escape(text)}</p>" for text in release.package["description"].split("\n\n") if text
    )
    title = html.escape(release.package["title"])
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<h1>{title}</h1>
<p>Release {latest["release"]}, as of {latest["as_of"]}.</p>
<ul>
{items}
</ul>
{paragraphs}
</html>
"""


def _prune(current: Path, kept: int) -> tuple[str, ...]:
    """Remove all dated folders but the newest `kept` and the current one; returns the names of those removed."""
    dated = sorted(path for path in current.parent.iterdir() if _DATED.fullmatch(path.name) and path != current)
    removed = dated[: max(0, len(dated) - (kept - 1))]
    for path in removed:
        shutil.rmtree(path.replace(path.with_name(f"{path.name}{_UNFINISHED}")))
    return tuple(path.name for path in removed)
