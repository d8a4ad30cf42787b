"""The Typer application: its commands, their examples, and the exit code of an error."""

from __future__ import annotations

import functools
import inspect
import signal
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.markup import escape

from orchestration import __version__
from orchestration.cli.ask import ask
from orchestration.cli.cite import cite
from orchestration.cli.find import find
from orchestration.cli.live_check import live_check
from orchestration.cli.maintain import rollback, tidy
from orchestration.cli.mcp import mcp
from orchestration.cli.own import add, forget
from orchestration.cli.own_marts import own_query, own_summary, promptfoo, what_if
from orchestration.cli.price import price
from orchestration.cli.publish_to import publish_to
from orchestration.cli.query import query
from orchestration.cli.run import run
from orchestration.cli.serve import ui, up
from orchestration.cli.simulator import simulator
from orchestration.cli.status import status
from orchestration.cli.terminal import (
    ExitCode,
    Remote,
    end_like_a_filter,
    err,
    exit_code_of,
    out,
    print_in_any_encoding,
    say_to_stderr,
    signals_noted,
)
from orchestration.cli.trace import trace
from orchestration.errors import RouterscopeError, disk_error

_EXIT_CODES = "Exit codes: 0 success, 1 failure, 2 wrong usage or setting"
_READING_EXIT_CODES = (
    f"{_EXIT_CODES}, 3 doubtful (data is stale, a claim was revised or a newer build was rejected), 4 invalid (data is "
    "too old, a claim was withdrawn, a raw file was changed or is missing)"
)
_STATUS_EXIT_CODES = f"{_EXIT_CODES}, 3 data is stale or a newer build was rejected, 4 data is too old"
_LIVE_CHECK_EXIT_CODES = f"{_EXIT_CODES}, 3 a surface differs from what is expected"
_CITE_EXIT_CODES = f"{_EXIT_CODES}; with --check, 3 the claim was revised, 4 it was withdrawn"
_TRACE_EXIT_CODES = f"{_EXIT_CODES}, 4 a raw file was changed or is missing"

_HELP = {"help_option_names": ["-h", "--help"]}
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=_HELP,
    epilog=f"{_READING_EXIT_CODES}.",
    help=(
        "Build and read OpenRouter's public rankings and prices as tables.\n\n"
        "Figures cover the tokens routed through OpenRouter's public models only."
    ),
)


@app.callback(invoke_without_command=True)
def _show_version(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if version:
        out.print(__version__)
        raise typer.Exit


_RELEASES_KEPT = "Every release is complete; `routerscope status` shows the published one."
_CALLS_KEPT = "Each log is stored as a whole or not at all, and no release was changed. Run the command again."
_FORGET = "What is left of your calls is removed by running the command again. The releases are unchanged."


def _ends_plainly(verb: Callable[..., Any], kept: str = _RELEASES_KEPT) -> Callable[..., Any]:
    """The command, ending with one sentence at Ctrl-C, and silently if nobody reads its output any more."""

    @functools.wraps(verb)
    def run_verb(**options: Any) -> None:
        with signals_noted() as signal_received:
            try:
                verb(**options)
            except typer.Exit:
                raise
            except BrokenPipeError:
                end_like_a_filter()
            except (Exception, KeyboardInterrupt) as error:
                # DuckDB turns a KeyboardInterrupt into an error of its own.
                if isinstance(error, Exception) and signal_received() != signal.SIGINT:
                    raise
                err.print(f"Interrupted. {kept}", soft_wrap=True)
                raise typer.Exit(ExitCode.INTERRUPTED) from None

    return run_verb


def _reads_remote(verb: Callable[..., Any], has_raw: bool = False) -> Callable[..., Any]:
    """The command with the option --remote, which copies a release, or also the raw files, and reads the copy."""

    @functools.wraps(verb)
    def read(remote: str | None = None, **options: Any) -> None:
        if remote is not None:
            if options["data"] is not None:
                raise typer.BadParameter("Use either --data or --remote.")
            from orchestration.access.mirror import mirrored

            options["data"] = mirrored(remote, say_to_stderr, has_raw)
        verb(**options)

    signature = inspect.signature(verb, eval_str=True)  # Typer would look for the names of these types in this module
    option = inspect.Parameter("remote", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Remote)
    parameters = [*signature.parameters.values(), option]
    read.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    read.__annotations__ = {one.name: one.annotation for one in parameters}
    return read


for _verb, _example, _codes in (
    (run, "routerscope run --from 2026-11-01 --to 2026-11-03", _EXIT_CODES),
    (up, "ROUTERSCOPE_SOURCE=live routerscope up --port 3001", _EXIT_CODES),
    (ui, "routerscope ui --data data/live", _EXIT_CODES),
    (rollback, "routerscope rollback --data data/live", _EXIT_CODES),
    (tidy, "routerscope tidy --data data/live", _EXIT_CODES),
    (publish_to, "routerscope publish-to site --data data/live", _EXIT_CODES),
    (simulator, "routerscope simulator --port 8081", _EXIT_CODES),
    (live_check, "routerscope live-check > live-check.md", _LIVE_CHECK_EXIT_CODES),
    (_reads_remote(status), "routerscope status --data data/live", _STATUS_EXIT_CODES),
    (_reads_remote(query), 'routerscope query "from share_author limit 5" --format csv', _EXIT_CODES),
    (_reads_remote(ask), "routerscope ask 3 --data data/live", _EXIT_CODES),
    (
        _reads_remote(price),
        "routerscope price anthropic/claude-sonnet-4.5 --prompt 50000 --completion 2000",
        _EXIT_CODES,
    ),
    (_reads_remote(find), "routerscope find --prompt 50000 --cached 40000 --completion 2000 --tools", _EXIT_CODES),
    (_reads_remote(mcp), "routerscope mcp --data data/live", _EXIT_CODES),
    (_reads_remote(cite), "routerscope cite leading_model/week/2026-07-27 --style apa", _CITE_EXIT_CODES),
    (_reads_remote(trace, has_raw=True), "routerscope trace share_author week 2026-07-27 anthropic", _TRACE_EXIT_CODES),
):
    app.command(epilog=f"Example: {_example}\n\n{_codes}.")(_ends_plainly(_verb))

own = typer.Typer(rich_markup_mode=None, context_settings=_HELP)
own.callback(invoke_without_command=True, epilog=f"Example: routerscope own --data data/live\n\n{_EXIT_CODES}.")(
    _ends_plainly(own_summary, _CALLS_KEPT)
)
export = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings=_HELP,
    help="Write configurations from your own calls.",
)
own.add_typer(export, name="export")
for _group, _name, _own_verb, _example in (
    (own, "add", add, "routerscope own add generations.csv --data data/live"),
    (own, "what-if", what_if, "routerscope own what-if deepseek/deepseek-v3.2 --data data/live"),
    (own, "query", own_query, 'routerscope own query "from own_cost limit 5" --data data/live'),
    (own, "forget", forget, "routerscope own forget --data data/live"),
    (export, "promptfoo", promptfoo, "routerscope own export promptfoo --output tests/models --data data/live"),
):
    _group.command(_name, epilog=f"Example: {_example}\n\n{_EXIT_CODES}.")(
        _ends_plainly(_own_verb, _FORGET if _own_verb is forget else _CALLS_KEPT)
    )
app.add_typer(own, name="own")


def run_app() -> None:
    """Run the command line. An error is one plain message on standard error; exit 2 for an invalid setting, else 1."""
    print_in_any_encoding()
    try:
        app(prog_name="routerscope")
    except BrokenPipeError:  # of the help or the version; commands end by themselves
        end_like_a_filter()
    except RouterscopeError as error:
        err.print(escape(str(error)), soft_wrap=True)
        sys.exit(exit_code_of(error))
    except OSError as error:
        err.print(escape(disk_error(error)), soft_wrap=True)
        sys.exit(ExitCode.FAILED)
