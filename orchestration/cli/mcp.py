"""`routerscope mcp`: serve the published release to an assistant over the Model Context Protocol."""

from __future__ import annotations

import sys

from orchestration.cli.terminal import Data, err


def mcp(data: Data = None) -> None:
    """Serve the release to AI assistants (MCP), read-only.

    A client such as Claude Code or VS Code starts this command and talks to it on standard input and output; it ends
    when the client does. Each call reads the newest release. Needs the extra `mcp`.
    """
    import anyio

    from orchestration.access.mcp import serve
    from orchestration.folders import data_folder

    if sys.stdin.isatty():
        err.print(
            "Waiting for an MCP client on standard input. A client starts this command by itself; Ctrl-C stops it."
        )
    try:
        anyio.run(serve, data_folder(data))
    except ExceptionGroup as group:  # of the tasks that read and write
        error: Exception = group
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, OSError):  # the client has gone
            raise error from None
        raise
