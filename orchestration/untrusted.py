"""Text that third parties chose, such as names of models and apps, made safe to show.

Terminal, report, brief and alerts show it through `plain_text`; every CSV file has it through `csv_text`. URLs that
contain it are built in `openrouter.surfaces`. A language model reads it through `visible_json`.
"""

from __future__ import annotations

import re
import unicodedata

# A terminal obeys control characters (C0 and C1) and sets the clipboard or the title with them; bidirectional ones
# reorder the text around them. XML allows no other C0 characters than these, no surrogates, and no U+FFFE and U+FFFF.
_UNSAFE = (
    "\u0000-\u0008\u000b-\u001f\u007f-\u009f"  # all but tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional
    "\ud800-\udfff\ufffe\uffff"
)
_UNSAFE_CHARACTER = re.compile(f"[{_UNSAFE}]")
# Unicode's categories control, format, surrogate, private use, unassigned, separator of lines and of paragraphs.
_NOT_ASCII = re.compile(r"[^\n -~]")
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# A spreadsheet takes a cell that begins with one of these for a formula, also in full width and after spaces.
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\n]")


def plain_text(text: str) -> str:
    """The text without control characters (other than tab and line feed), bidirectional ones, and what XML forbids."""
    return _UNSAFE_CHARACTER.sub("", text)


def csv_text(text: str) -> str:
    """The text for a cell of a CSV file: plain, and after an apostrophe if a spreadsheet would run it as a formula."""
    plain = plain_text(text)
    return f"'{plain}" if _FORMULA.match(plain) else plain


def escaped_json(document: str) -> str:
    """A JSON text in which the characters that `plain_text` removes are escaped: its values do not change."""
    return _UNSAFE_CHARACTER.sub(lambda character: f"\\u{ord(character[0]):04x}", document)


def visible_json(document: str) -> str:
    """A JSON text in which every character that cannot be seen is escaped, so that no text hides another from people.

    Besides what `escaped_json` escapes, these are for example tags (U+E0000 to U+E007F), with which a name can contain
    sentences that a language model reads and nobody sees.
    """
    return _NOT_ASCII.sub(_escaped_if_unseen, document)


def _escaped_if_unseen(found: re.Match[str]) -> str:
    character = found[0]
    if unicodedata.category(character) not in _UNSEEN:
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
