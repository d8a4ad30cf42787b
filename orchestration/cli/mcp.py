"""`routerscope mcp`: serve the release to AI agents over standard input and output."""

from __future__ import annotations

from importlib.util import find_spec

from orchestration.cli.terminal import Data
from orchestration.errors import SettingsError


def mcp(data: Data = None) -> None:
    """Serve the release to AI agents, read-only.

    Speaks the Model Context Protocol over standard input and output, so an agent starts it. Its tools describe the
    tables, run one SELECT, and price a call; every answer has scope and citations. Needs the extra `mcp`.
    """
    if find_spec("mcp") is None:
        raise SettingsError(
            "The Model Context Protocol needs a package that is not installed. Nothing was started. Install it: "
            ".venv/bin/python -m pip install 'mcp>=2.3,<3'"
        )
    from orchestration.access.mcp import make_server

    make_server(data).run()
