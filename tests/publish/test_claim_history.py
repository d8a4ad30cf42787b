"""A claim is revised if its subject, rounded value or rounded bound changes, never by its wording."""

import datetime as dt
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.errors import QueryError, WarehouseError
from orchestration.folders import CLAIM_HISTORY
from orchestration.publish.claim_history import (
    ClaimVersion,
    Verdict,
    check_claim,
    is_revision,
    record,
)

NOON = dt.datetime.combine(dt.date(2026, 8, 7), dt.time(12))
SHARE = ClaimVersion("c", "a", 0.127, None, "fraction of tokens", "a had 12.7 %.", "", "", NOON, NOON, 0.001)
RANGE = replace(SHARE, value_high=0.2, value_high_rounding=0.001)
TOTAL = ClaimVersion("c", "all traffic", 5.68e13, None, "tokens", "56.8 trillion.", "", "", NOON, NOON, 1e11)
SPEND = ClaimVersion("c", "all", 663_362, 31_721_321, "USD", "660,000 USD", "", "", NOON, NOON, 1e4, 1e6)
FIVE = replace(SHARE, subject="a/one, b/two:free", statement="Two had 12.7 % of it: b/two:free, a/one.")
REWORDED = {"statement": "On 27 July 2026, a's part was 12.7%."}
NO_ROUNDING = {"value_rounding": None, "value_high_rounding": None}
OLD_FIVE = replace(FIVE, subject="the five leading models", **NO_ROUNDING)


@pytest.mark.parametrize(
    ("before", "changes", "revised"),
    [
        (SHARE, {}, False),
        (SHARE, REWORDED, False),
        (SHARE, {"value": 0.12701}, False),
        (replace(SHARE, value=0.12749), {"value": 0.12751, "statement": "a had 12.8 %."}, False),
        (SHARE, {"value": 0.128}, True),
        (SHARE, {"subject": "b"}, True),
        (SHARE, {"unit": "tokens"}, True),
        (SHARE, {"value_high": 0.1271, "value_high_rounding": 0.001}, False),
        (SHARE, {"value_high": 0.15, "value_high_rounding": 0.001}, True),
        (RANGE, {"value_high": 0.2001}, False),
        (RANGE, {"value_high": 0.21}, True),
        (RANGE, {"value_high": None, "value_high_rounding": None}, True),
        (TOTAL, {"value": 5.68004e13}, False),
        (TOTAL, {"value": 5.69e13}, True),
        (FIVE, {"statement": "Two had 12.7 % of it: a/one, b/two:free."}, False),
    ],
)
def test_revision_is_of_subject_value_or_bounds(before: ClaimVersion, changes: dict[str, Any], revised: bool) -> None:
    assert is_revision(before, replace(before, **changes)) is revised


@pytest.mark.parametrize(
    ("version", "below_rounding", "above_rounding"),
    [
        (SHARE, {"value": 0.12701}, {"value": 0.128}),
        (RANGE, {"value_high": 0.2001}, {"value_high": 0.21}),
        (TOTAL, {"value": 5.68004e13}, {"value": 5.69e13}),
        (SPEND, {"value": 663_999}, {"value": 680_000}),
        (SPEND, {"value_high": 31_800_000}, {"value_high": 33_000_000}),
    ],
)
@pytest.mark.parametrize("newer", [{}, NO_ROUNDING], ids=["newer has a rounding", "neither has"])
def test_versions_without_rounding_are_compared_by_value(
    version: ClaimVersion, below_rounding: dict[str, Any], above_rounding: dict[str, Any], newer: dict[str, Any]
) -> None:
    before = replace(version, **NO_ROUNDING)
    assert not is_revision(before, replace(version, **REWORDED | newer))
    assert not is_revision(before, replace(version, **REWORDED | newer | below_rounding))
    assert is_revision(before, replace(version, **newer | above_rounding))


def test_unit_without_rounding_rule_is_compared_exactly() -> None:
    before = replace(SHARE, unit="requests", value=1e6, **NO_ROUNDING)
    assert not is_revision(before, replace(before, value=1e6 + 1e-6, **REWORDED))
    assert is_revision(before, replace(before, value=1e6 + 1))


@pytest.mark.parametrize(
    ("after", "revised"),
    [
        (replace(FIVE, statement="Of the tokens, 12.7% were of a/one and b/two:free."), False),
        (replace(FIVE, subject="a/one, c"), True),
        (OLD_FIVE, False),
        (replace(OLD_FIVE, statement="Two had 12.7 % of it: a/one, b/two:free."), False),
        (replace(OLD_FIVE, statement="Two had 12.7 % of it: a/one, c."), True),
    ],
)
def test_old_claims_about_the_five_leaders_compare_their_names(after: ClaimVersion, revised: bool) -> None:
    assert is_revision(OLD_FIVE, after) is revised


@pytest.mark.parametrize(
    ("before", "changes", "words"),
    [
        (SHARE, {"value": 0.131}, "+0.4 percentage points (+3.1%)"),
        (RANGE, {"value_high": 0.25}, "+5 percentage points (+25%) at the upper bound"),
        (TOTAL, {"value": 5.4e13}, "-2.80 trillion tokens (-4.9%)"),
        (SHARE, {}, ""),
        (SHARE, {"subject": "b", "value": 0.2}, ""),
    ],
)
def test_change_is_rounded_and_names_the_bound(before: ClaimVersion, changes: dict[str, Any], words: str) -> None:
    now = replace(before, **changes)
    assert Verdict(before, now, [before, now]).change == words


def publish(folder: Path, columns: str) -> Path:
    """A release with one claim, `x`."""
    folder.mkdir()
    duckdb.execute(
        "copy (select 'x' as claim_id, 'a' as subject, null::double as value_high, 'fraction of tokens' as unit, "
        f"'' as citation, '' as source_url, timestamp '2026-08-07' as as_of, timestamp '2026-08-07' as checked_at, "
        f"{columns}) to '{folder / 'claim.parquet'}'"
    )
    return folder


def test_only_revisions_are_recorded_also_after_old_files(tmp_path: Path) -> None:
    history = tmp_path / CLAIM_HISTORY
    old = publish(tmp_path / "1", "0.127::double as value, 'a had 12.7 %.' as statement")
    rounding = "0.001 as value_rounding, null::double as value_high_rounding"
    same = publish(tmp_path / "2", f"0.12702::double as value, '12.7% was the part of a.' as statement, {rounding}")
    other = publish(tmp_path / "3", f"0.131::double as value, '13.1% was the part of a.' as statement, {rounding}")
    assert [record([release], history) for release in (old, same, other)] == [1, 0, 1]
    assert check_claim("x", same, history).state == "unchanged"
    assert check_claim("x", other, history).state == "revised"
    assert [version.value_rounding for version in check_claim("x", other, history).versions] == [None, 0.001]


def test_skipped_release_is_recorded_with_the_next(tmp_path: Path) -> None:
    releases = [publish(tmp_path / f"{n}", f"0.{n}::double as value, '' as statement") for n in (1, 2, 3)]
    history = tmp_path / CLAIM_HISTORY
    assert record(releases[:1], history) == 1
    assert record(releases, history) == 2
    assert sorted(path.stem for path in history.iterdir()) == ["1", "2", "3"]


def test_failed_write_leaves_no_file_and_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = publish(tmp_path / "1", "0.127::double as value, '' as statement")
    history = tmp_path / CLAIM_HISTORY

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(WarehouseError, match=r"No space left.*not recorded yet.*the next run records them"):
            record([release], history)
    assert list(history.iterdir()) == []
    assert record([release], history) == 1


def test_files_that_a_killed_run_left_are_removed(tmp_path: Path) -> None:
    release = publish(tmp_path / "1", "0.127::double as value, '' as statement")
    history = tmp_path / CLAIM_HISTORY
    history.mkdir()
    ended = subprocess.Popen(["true"])
    ended.wait()
    for name in (f"1.{ended.pid}.tmp", f"1.parquet.{ended.pid}.tmp"):  # named by an older version, and by this one
        (history / name).write_bytes(b"half")
    assert record([release], history) == 1
    assert [path.name for path in history.iterdir()] == ["1.parquet"]


def test_unknown_claim_is_an_error_that_names_the_list(tmp_path: Path) -> None:
    release = publish(tmp_path / "1", "0.127::double as value, '' as statement")
    with pytest.raises(QueryError, match=r"has published the claim 'y'.*`routerscope cite` lists"):
        check_claim("y", release, tmp_path / CLAIM_HISTORY)


ONE_CLAIM = "0.127::double as value, '' as statement"


@pytest.mark.parametrize("content", [b"", b"no Parquet"])
def test_damaged_history_is_named_and_kept(content: bytes, tmp_path: Path) -> None:
    releases, history = [publish(tmp_path / name, ONE_CLAIM) for name in ("2", "3")], tmp_path / CLAIM_HISTORY
    record(releases[:1], history)
    damaged = history / "1.parquet"
    damaged.write_bytes(content)
    message = f"{damaged}, a file of the claim history, is damaged"
    with pytest.raises(QueryError, match=f"{message}, so the claim was not checked. Restore it from a backup"):
        check_claim("x", releases[0], history)
    with pytest.raises(WarehouseError, match=f"{message}. .*not recorded yet"):
        record(releases, history)
    assert damaged.read_bytes() == content


def test_damaged_claims_of_a_release_are_a_plain_error(tmp_path: Path) -> None:
    release = publish(tmp_path / "1", ONE_CLAIM)
    (release / "claim.parquet").write_bytes(b"no Parquet")
    with pytest.raises(QueryError, match=r"The claims of the release .* cannot be read \([^\n]*\)\. .*ARGS=--rebuild"):
        check_claim("x", release, tmp_path / CLAIM_HISTORY)
