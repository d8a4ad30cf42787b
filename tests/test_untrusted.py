"""Text of third parties cannot command a terminal, reorder a line, or run as a formula in a spreadsheet."""

import json
import unicodedata
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.untrusted import csv_text, escaped_json, plain_text, visible_json

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=30)


@pytest.mark.parametrize(
    "code",
    [
        *(0x00, 0x07, 0x08, 0x0B, 0x0D, 0x1B, 0x1F, 0x7F, 0x85, 0x9B, 0x9F),
        *(0x61C, 0x200E, 0x200F, 0x202A, 0x202E, 0x2066, 0x2069),
        *(0xD800, 0xDFFF, 0xFFFE, 0xFFFF),
    ],
)
def test_unsafe_characters_are_removed(code: int) -> None:
    assert plain_text(f"a{chr(code)}b") == "ab"


def test_other_text_is_kept() -> None:
    kept = "\t\n az]]>é مرحبا 👩‍👩‍👧 \ud7ff\ue000\ufffd\U00010000\U0010ffff"
    assert plain_text(kept) == kept


@given(ANY_TEXT)
def test_plain_text_has_no_control_character_and_is_xml(text: str) -> None:
    plain = plain_text(text)
    assert not [one for one in plain if unicodedata.category(one) == "Cc" and one not in "\t\n"]
    assert not [one for one in plain if unicodedata.bidirectional(one) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI")]
    assert (ElementTree.fromstring(f"<a>{escape(plain)}</a>").text or "") == plain  # noqa: S314  # our own


@pytest.mark.parametrize("text", ["=1+1", "+1", "-cmd", "@SUM(A1)", "\t=1", "\n1", " =1", "＝1", "\x1b=1", "\u202e=1"])
def test_formula_begins_with_an_apostrophe(text: str) -> None:
    assert csv_text(text) == f"'{plain_text(text)}"


@pytest.mark.parametrize("text", ["", "a=b", "1-2", "a/one", "~a/latest"])
def test_other_cells_are_kept(text: str) -> None:
    assert csv_text(text) == text


@given(st.text())
def test_escaped_json_has_the_same_value(text: str) -> None:
    document = escaped_json(json.dumps({text: [text]}, ensure_ascii=False, indent=1))
    assert json.loads(document) == {text: [text]}
    assert plain_text(document) == document


def test_invisible_characters_are_escaped_for_language_models() -> None:
    name = "Zoë 模型 é\u200b\U000e0041\u202e\u2028\ud800 −"
    document = visible_json(json.dumps({"name": name}, ensure_ascii=False))
    assert json.loads(document) == {"name": name}
    assert "Zoë 模型 é" in document
    assert not {"\u200b", "\U000e0041", "\u202e", "\u2028", "\ud800"} & set(document)
