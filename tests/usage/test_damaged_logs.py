"""Logs with changed bytes: an error with nothing written, or every row accounted for."""

import datetime as dt
import gzip
import random
from pathlib import Path

import duckdb
import pytest
from own_logs import LANGFUSE, LITELLM, OPENROUTER, PLAIN, as_csv, as_lines, span, spans

from orchestration.errors import UsageError
from orchestration.usage.intake import add_logs

NOW = dt.datetime(2026, 8, 6, tzinfo=dt.UTC)
ROWS = 40
WHOLE = {
    "openrouter": as_csv(*[OPENROUTER] * ROWS),
    "litellm": as_lines(*[LITELLM] * ROWS),
    "langfuse": as_lines(*[LANGFUSE] * ROWS),
    "opentelemetry": as_lines(*[spans(span())] * ROWS),
    "plain": as_csv(*[PLAIN] * ROWS),
    "gzip": gzip.compress(as_csv(*[PLAIN] * ROWS)),
}


def damage(content: bytes, chance: random.Random) -> bytes:
    """Up to three changes: a byte, a cut end, a lost or a doubled piece, or a piece from elsewhere in the file."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 3)):
        at, other = (chance.randrange(len(changed)) for _ in range(2))
        length = chance.randint(1, 60)
        kind = chance.randrange(5)
        if kind == 0:
            changed[at] = chance.choice([chance.randrange(256), *b'"{}[],;\n\\\0'])
        elif kind == 1:
            del changed[max(at, 1) :]
        elif kind == 2:
            del changed[at : min(at + length, len(changed) - 1)]
        elif kind == 3:
            changed[at:at] = changed[at : at + length]
        else:
            changed[at : at + length] = changed[other : other + length]
    return bytes(changed)


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize(
    "seeds", [range(10), pytest.param(range(10, 844), marks=pytest.mark.long)], ids=["few", "many"]
)
def test_every_row_of_a_damaged_log_is_accounted_for(name: str, seeds: range, tmp_path: Path) -> None:
    log, raw = tmp_path / "log", tmp_path / "data" / "own" / "raw"
    for seed in seeds:
        log.write_bytes(damage(WHOLE[name], random.Random(f"{name} {seed}")))
        before = set(raw.rglob("*"))
        try:
            [added] = add_logs(tmp_path / "data", [log], NOW, accept_losses=seed % 2 == 0)
        except UsageError:
            added = None
        if added is None or not added.is_new:
            assert {path for path in raw.rglob("*") if path.is_file()} <= before, seed
            continue
        [stored] = set(raw.rglob("*.parquet")) - before
        with duckdb.connect() as connection:
            [(rows, calls)] = connection.execute(
                "select count(*), count(*) filter (skipped is null and refusal is null) from read_parquet($1)",
                [str(stored)],
            ).fetchall()
        assert rows + added.refused.get("malformed_line", 0) == added.rows, seed
        assert calls == added.calls, seed
