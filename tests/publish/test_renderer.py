"""What the renderer cannot draw costs that picture, and names of any characters are drawn."""

from pathlib import Path
from xml.etree import ElementTree

import duckdb

from orchestration.publish.report.charts import Size, bars, small_multiples
from orchestration.publish.report.renderer import render
from orchestration.publish.report.writer import rows_of

HOSTILE_NAMES = [
    *(f"sim/control-{code:02x}{chr(code)}" for code in (*range(1, 9), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F, 0x85)),
    "sim/nul\x00",
    "sim/not-a-character\ufffe\uffff",
    "sim/]]>",
    "<script>alert(1)</script>&amp;\"'",
    "sim/" + "long" * 2_000,
    "sim/👩‍👩‍👧\U0001f600",
    "sim/\u202eمرحبا\u0301",
    "sim/line\nbreak\r\ttab",
    "",
    "{{ name }} ${name} %s",
]


def spec(name: str) -> dict:
    return bars([{"name": name, "share": 0.5, "tip": name}], Size(600)).to_dict()


def is_svg(path: Path) -> bool:
    return ElementTree.fromstring(path.read_text(encoding="utf-8")).tag.endswith("svg")  # noqa: S314  # our own


def test_any_characters_are_drawn(tmp_path: Path) -> None:
    """As labels and tooltips, after the cleaning that every row of the report passes."""
    with duckdb.connect() as connection:
        connection.execute("create table named (name varchar)")
        connection.executemany("insert into named values (?)", [[name] for name in HOSTILE_NAMES])
        named = rows_of(
            connection,
            "select name, name as tip, 0.5::double as share, 0.5::double as mean_share, 'day' as period, "
            "'2026-07-01' as period_start from named",
        )
    assert len(named) == len(HOSTILE_NAMES)
    drawings = {
        tmp_path / "bars.svg": bars(named, Size(600)),
        tmp_path / "panels.svg": small_multiples(named, Size(600)),
    }
    assert render((path, {"spec": drawing.to_dict()}) for path, drawing in drawings.items()) == {}
    assert all(is_svg(path) for path in drawings)


def test_crash_loses_one_picture(tmp_path: Path) -> None:
    """The renderer aborts its process on a control character that nobody removed; the pictures after it are drawn."""
    paths = [tmp_path / f"{name}.svg" for name in ("first", "crashes", "last")]
    lost = render((path, {"spec": spec("a\x01" if path.stem == "crashes" else "a")}) for path in paths)
    assert lost == {paths[1]: "the renderer crashed (SIGABRT)"}
    assert [path.exists() for path in paths] == [True, False, True]


def test_invalid_chart_loses_one_picture(tmp_path: Path) -> None:
    wrong, right = tmp_path / "wrong.svg", tmp_path / "right.svg"
    lost = render([(wrong, {"spec": {"mark": "no such mark"}}), (right, {"spec": spec("a")})])
    assert lost.keys() == {wrong}
    assert is_svg(right)


def test_slow_job_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "slow.svg"
    assert render([(path, {"spec": spec("a")})], timeout_seconds=0.01) == {
        path: "the renderer took longer than 0.01 seconds"
    }
