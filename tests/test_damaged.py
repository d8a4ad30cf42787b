"""Damaged files are kept beside the data under the time at which they were found."""

import re
from pathlib import Path

from orchestration.damaged import set_aside


def test_damaged_file_is_kept_with_its_companions(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"garbage")
    (tmp_path / "a.db.wal").write_bytes(b"more")
    kept = set_aside(tmp_path / "a.db", tmp_path / "a.db.wal", tmp_path / "missing")
    assert re.fullmatch(r"damaged/\d{8}T\d{6}Z/a.db", str(kept.relative_to(tmp_path)))
    assert kept.read_bytes() == b"garbage"
    assert kept.with_name("a.db.wal").read_bytes() == b"more"
    assert [path.name for path in tmp_path.iterdir()] == ["damaged"]
