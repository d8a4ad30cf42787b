"""Text in files and from other programs is UTF-8 whatever the locale is; ruff's rule sees only some of the calls."""

import ast
from collections.abc import Iterator

from conftest import PROJECT

_TEXT_METHODS = {"read_text", "write_text"}
_OPENING = {"open", "fdopen", "TemporaryFile", "NamedTemporaryFile", "TextIOWrapper"}
_STARTING = {"run", "Popen", "check_output"}
# Of bytes, or of archives and descriptors.
_OTHER_OPEN = {"gzip.open", "tarfile.open", "os.open", "webbrowser.open", "archive.open", "lzma.open"}


def _locale_dependent(source: str) -> Iterator[ast.Call]:
    """Calls that read or write text without naming its encoding."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or any(keyword.arg == "encoding" for keyword in node.keywords):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        options = {keyword.arg for keyword in node.keywords}
        is_text_method = name in _TEXT_METHODS and len(node.args) <= (name == "write_text")
        opens_text = name in _OPENING and ast.unparse(node.func) not in _OTHER_OPEN and not _is_binary(node, name)
        starts_program = name in _STARTING and bool({"text", "universal_newlines"} & options)
        if is_text_method or opens_text or starts_program:
            yield node


def _is_binary(node: ast.Call, name: str) -> bool:
    values = (*node.args, *(keyword.value for keyword in node.keywords))
    modes = [value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]
    return any("b" in mode and set(mode) <= set("rwxab+") for mode in modes) or ("Temporary" in name and not modes)


def test_text_has_a_stated_encoding() -> None:
    paths = [path for folder in ("orchestration", "tests", "sample") for path in (PROJECT / folder).rglob("*.py")]
    found = [
        f"{path.relative_to(PROJECT)}:{call.lineno}"
        for path in paths
        for call in _locale_dependent(path.read_text(encoding="utf-8"))
    ]
    assert found == []
