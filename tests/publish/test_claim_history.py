"""What revises a recorded claim: its subject, value or bounds, by no less than its rounding; no wording."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.publish.claim_history import ClaimVersion, Verdict, check, is_revision, record

NOON = dt.datetime.combine(dt.date(2026, 8, 7), dt.time(12))
SHARE = ClaimVersion("c", "a", 0.127, None, "fraction of tokens", "a had 12.7 %.", "", "", NOON, NOON, 0.001)
RANGE = replace(SHARE, value_high=0.2, value_high_rounding=0.001)
TOTAL = ClaimVersion("c", "all traffic", 5.68e13, None, "tokens", "56.8 trillion.", "", "", NOON, NOON, 1e11)
FIVE = replace(SHARE, subject="a/one, b/two:free", statement="Two had 12.7 % of it: b/two:free, a/one.")


@pytest.mark.parametrize(
    ("before", "changes", "revised"),
    [
        (SHARE, {}, False),
        (SHARE, {"statement": "12.7 % was the part of a."}, False),
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
        # Versions recorded before there was a rounding: that of the newer version counts, else the sentence.
        (replace(SHARE, value_rounding=None), {"value": 0.12701, "value_rounding": 0.001}, False),
        (replace(SHARE, value_rounding=None), {"value": 0.128, "value_rounding": 0.001}, True),
        (replace(SHARE, value_rounding=None), {"value": 0.12701}, False),
        (replace(SHARE, value_rounding=None), {"statement": "a had 12.8 %."}, True),
        (
            replace(FIVE, subject="the two", value_rounding=None),
            {"subject": FIVE.subject, "value_rounding": 1e-3},
            False,
        ),
        (replace(FIVE, subject="the two", value_rounding=None), {"subject": "a/one, c", "value_rounding": 1e-3}, True),
        (FIVE, {"statement": "Two had 12.7 % of it: a/one, b/two:free."}, False),
    ],
)
def test_revision_is_of_subject_value_or_bounds(before: ClaimVersion, changes: dict[str, Any], revised: bool) -> None:
    assert is_revision(before, replace(before, **changes)) is revised


@pytest.mark.parametrize(
    ("before", "changes", "words"),
    [
        (SHARE, {"value": 0.131}, "+0.4 percentage points (+3.1 %)"),
        (RANGE, {"value_high": 0.25}, "+5 percentage points (+25 %) at the high end"),
        (TOTAL, {"value": 5.4e13}, "-2.80 trillion tokens (-4.9 %)"),
        (SHARE, {}, ""),
        (SHARE, {"subject": "b", "value": 0.2}, ""),
    ],
)
def test_change_is_rounded_and_names_the_end(before: ClaimVersion, changes: dict[str, Any], words: str) -> None:
    now = replace(before, **changes)
    assert Verdict(before, now, [before, now]).change == words


def test_records_only_revisions_also_of_older_files(tmp_path: Path) -> None:
    recorded = tmp_path / "said"

    def publish(name: str, columns: str) -> Path:
        (tmp_path / name).mkdir()
        duckdb.execute(
            "copy (select 'x' as claim_id, 'a' as subject, null::double as value_high, 'fraction of tokens' as unit, "
            f"'' as citation, '' as source_url, timestamp '2026-08-07' as as_of, timestamp '2026-08-07' as checked_at, "
            f"{columns}) to '{tmp_path / name / 'claim.parquet'}'"
        )
        return tmp_path / name

    old = publish("1", "0.127::double as value, 'a had 12.7 %.' as statement")
    rounding = "0.001 as value_rounding, null::double as value_high_rounding"
    same = publish("2", f"0.12702::double as value, '12.7 % was the part of a.' as statement, {rounding}")
    other = publish("3", f"0.131::double as value, '13.1 % was the part of a.' as statement, {rounding}")
    assert [record([one], recorded) for one in (old, same, other)] == [1, 0, 1]
    assert check("x", same, recorded).state == "unchanged"
    assert check("x", other, recorded).state == "restated"
    assert [one.value_rounding for one in check("x", other, recorded).tellings] == [None, 0.001]
