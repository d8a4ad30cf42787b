"""The MCP server over a real pipe, what its tools answer, and the limits of a call."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import duckdb
import pytest
from conftest import ASCII_LOCALE, PROJECT, CommandLine, Run, environment

from orchestration.access.answers import MAX_ANSWER_CHARACTERS, MAX_ERROR_CHARACTERS, answer, json_text, parse_arguments
from orchestration.access.mcp import answer_apart
from orchestration.cli.mcp import mcp
from orchestration.errors import QueryError, SettingsError
from orchestration.publish.datapackage import PACKAGE
from orchestration.storage.releases import FILE_NAME

if TYPE_CHECKING:
    from mcp import ClientSession
    from mcp_types import CallToolResult

GUIDE = PROJECT / "docs" / "how-to" / "mcp.md"
SERVER = ["-m", "orchestration.cli", "mcp", "--data"]


def text_of(result: CallToolResult) -> str:
    [content] = result.content
    return content.text


def ask(data: Path, tool: str, **arguments: object) -> dict[str, Any]:
    """The answer of a tool, computed in this process."""
    return json.loads(answer(data, tool, parse_arguments(tool, arguments)))


def connected(data: Path, home: Path, talk: Any) -> None:
    """Start the server as a client does, in a locale that has ASCII only, and run `talk` with the session."""
    from mcp import ClientSession, StdioServerParameters, stdio_client  # takes a second to import

    async def session() -> None:
        server = StdioServerParameters(
            command=sys.executable, args=[*SERVER, str(data)], cwd=PROJECT, env=environment(home, **ASCII_LOCALE)
        )
        with anyio.fail_after(90):
            async with stdio_client(server) as (read, write), ClientSession(read, write) as client:
                await client.initialize()
                await talk(client)

    anyio.run(session)


def test_client_gets_scope_and_citation_with_every_answer(few_run: Run, home: Path) -> None:
    calls = {
        "describe": {"table": "price_current"},
        "query": {"sql": "select 'é模', share from share_author limit 1"},
        "price": {"model": few_run.query("select min(model_id) from price_history")[0][0]},
    }
    found: dict[str, CallToolResult] = {}

    async def talk(client: ClientSession) -> None:
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} == set(calls)
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)

        async def call(tool: str) -> None:
            found[tool] = await client.call_tool(tool, calls[tool])

        async with anyio.create_task_group() as at_once:
            for tool in calls:
                at_once.start_soon(call, tool)

    connected(few_run.data, home, talk)
    package = json.loads((few_run.published.parent / PACKAGE).read_text(encoding="utf-8"))
    for tool in calls:
        content = json.loads(text_of(found[tool]))
        assert content["release"] == package["generation"]
        assert content["is_simulated"] is False
        assert content["about"][0].startswith("Scope: Tokens routed through OpenRouter's public models.")
        assert content["about"][1].startswith("Source: OpenRouter (openrouter.ai/")
        assert all(content["as_of"].values())
    assert json.loads(text_of(found["query"]))["rows"][0][0] == "é模"


def test_server_reads_new_release_and_survives_damage(started_from_few: Path, home: Path) -> None:
    old = (started_from_few / "published").resolve()
    new = Path(shutil.copytree(old, old.with_name("20990101T000000.000000Z")))
    package = json.loads((new / PACKAGE).read_text(encoding="utf-8"))
    (new / PACKAGE).write_text(json.dumps(package | {"generation": new.name}), encoding="utf-8")

    async def talk(client: ClientSession) -> None:
        async def call() -> tuple[bool, str]:
            result = await client.call_tool("query", {"sql": "select count(*) from share_author"})
            return bool(result.is_error), text_of(result)

        assert f'"release": "{old.name}"' in (await call())[1]
        (started_from_few / "next").symlink_to(new)
        (started_from_few / "next").replace(started_from_few / "published")
        assert f'"release": "{new.name}"' in (await call())[1]
        (new / FILE_NAME).write_bytes((new / FILE_NAME).read_bytes()[:20_000])
        is_error, text = await call()
        assert is_error
        assert "Publish a new one: make run ARGS=--rebuild" in text
        shutil.copy(old / FILE_NAME, new)
        assert not (await call())[0]

    connected(started_from_few, home, talk)


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("of a task")])
def test_client_that_has_gone_is_a_broken_pipe(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    group = ExceptionGroup("of the session", [ExceptionGroup("of the server", [error])])

    def run(*_: object) -> None:
        raise group

    monkeypatch.setattr(anyio, "run", run)
    with pytest.raises(Exception) as raised:  # noqa: PT011  # which one is compared below
        mcp()
    assert raised.value is (error if isinstance(error, OSError) else group)


def test_standard_output_has_protocol_only(few_run: Run, home: Path) -> None:
    """Also if a line is not a request, and if a call is unfinished when the client leaves."""
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    slow = {"name": "query", "arguments": {"sql": "select levenshtein(repeat('a', 500000), repeat('b', 500000))"}}
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}),
        json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        "no request",
        json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": slow}),
    ]
    done = subprocess.run(
        [sys.executable, *SERVER, str(few_run.data)],
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        cwd=PROJECT,
        env=environment(home),
        encoding="utf-8",
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(reply["jsonrpc"] == "2.0" for reply in replies)
    assert [reply["result"]["serverInfo"]["name"] for reply in replies if reply.get("id") == 1] == ["routerscope"]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        # DuckDB does not notice an interruption in the first, nor its limit of memory in the second.
        ("select levenshtein(repeat('a', 500000), repeat('b', 500000))", "query was stopped after 5 seconds"),
        ("select list_sum(range(300000000))", "needs more memory than it may use"),
        ("select repeat('x', 1000000)", "first row is larger than an answer may be"),
        ("select error(repeat('x', 1000000))", "The query failed: .*xxx"),
        ("select 'infinity'::date", "A value cannot be returned .*Cast dates and timestamps to varchar"),
        pytest.param("select 1 as " + 1000000 * "x", "give them short names", id="long name"),
        ("select * from read_text('/etc/passwd')", "disabled by configuration"),
    ],
)
def test_limits_end_the_call_and_its_process(few_run: Run, sql: str, message: str) -> None:
    arguments = parse_arguments("query", {"sql": sql})
    with pytest.raises(QueryError, match=message) as raised:
        anyio.run(answer_apart, few_run.data, "query", arguments, 5.0)
    assert len(str(raised.value)) <= MAX_ERROR_CHARACTERS
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    commands = [Path(f"/proc/{child}/cmdline").read_bytes() for child in children if Path(f"/proc/{child}").exists()]
    assert not [command for command in commands if b"orchestration.access.mcp" in command]
    assert not list(few_run.published.parent.glob("*.tmp"))


def test_crash_of_a_call_is_plain_error(few_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(QueryError, match=r"describe failed unexpectedly \(exit code 1\). Nothing was changed"):
        anyio.run(answer_apart, few_run.data, "describe", parse_arguments("describe", {}))


def test_rows_over_the_limits_are_counted(few_run: Run) -> None:
    found = ask(few_run.data, "query", sql="select i from range(5000) as numbers(i)", limit=3)
    assert (found["rows"], found["rows_left_out"]) == ([[0], [1], [2]], 4997)
    found = ask(few_run.data, "query", sql="select repeat('x', 1000) from range(5000)", limit=2000)
    assert len(found["rows"]) == pytest.approx(MAX_ANSWER_CHARACTERS / 1004, abs=1)
    assert found["rows_left_out"] == 5000 - len(found["rows"])


def test_columns_have_types_units_and_descriptions(few_run: Run) -> None:
    found = ask(few_run.data, "describe", table="Share_Author")
    assert found["rows"] == few_run.query("select count(*) from share_author")[0][0]
    assert found["columns"]["share"]["type"] == "DOUBLE"
    assert found["columns"]["share"]["unit"] == "fraction"
    assert all(column["description"] for column in found["columns"].values())
    [unit] = ask(few_run.data, "query", sql="select share from share_author")["columns"]
    assert unit == {"name": "share", "unit": "fraction"}
    with pytest.raises(QueryError, match=r"No published table is named 'share_autor'. Similar: share_author"):
        ask(few_run.data, "describe", table="share_autor")


def test_tables_and_functions_are_listed(few_run: Run) -> None:
    found = ask(few_run.data, "describe")
    with duckdb.connect(str(few_run.published), read_only=True) as connection:
        assert set(found["tables"]) == {name for (name,) in connection.sql("show tables").fetchall()}
    assert [text for text in found["functions"] if "cost_usd(prices, prompt_tokens" in text]


def test_cost_is_exact_and_caching_counts(few_run: Run) -> None:
    model, prices = few_run.query(
        "select model_id, prices from price_current where prices.cache_read > 0 and prices.prompt > 0 "
        "and len(prices.overrides) = 0 and prices.request is null order by model_id limit 1"
    )[0]
    found = ask(
        few_run.data, "price", model=model, prompt_tokens=2006, cached_tokens=1920, completion_tokens=300, searches=0
    )
    expected = 86 * prices["prompt"] + 1920 * prices["cache_read"] + 300 * prices["completion"]
    [listed] = found["listed"]
    assert Decimal(listed["cost_usd"]) == expected
    assert found["call"]["cached_tokens"] == 1920


@pytest.mark.parametrize(
    ("tool", "given", "message"),
    [
        ("price", {"model": "a", "cached": 3}, r"cached is unknown.*It accepts model, day, endpoint, prompt_tokens"),
        ("price", {}, "model is missing"),
        ("price", {"model": "a", "day": "2026-8-1"}, "day: '2026-8-1' is not a valid day; use YYYY-MM-DD"),
        ("price", {"model": "a", "time_utc": "16:30+02:00"}, "is not a valid time; use HH:MM in UTC"),
        ("price", {"model": "a", "prompt_tokens": 10**30}, "prompt_tokens: Input should be less than or equal"),
        ("query", {"sql": "select 1", "limit": 2001}, "limit: Input should be less than or equal to 2000"),
        ("write", {}, "There is no tool 'write'. The tools are describe, query, price"),
    ],
)
def test_wrong_argument_has_plain_message(tool: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parse_arguments(tool, given)


def test_day_after_the_release_has_no_price(few_run: Run) -> None:
    with pytest.raises(QueryError, match="9999-12-31 is later than the release, whose newest day is 2026-06-26"):
        ask(few_run.data, "price", model="a", day="9999-12-31")


def test_values_without_a_json_type_are_plain() -> None:
    document = {"row": [float("nan"), [float("inf")], Decimal("3.00E-7"), Decimal("20"), b"a", {1: None}]}
    assert json.loads(json_text(document)) == {"row": [None, [None], "0.0000003", "20", "b'a'", {"1": None}]}


def test_missing_sdk_is_named_and_exits_2(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp_types", None)
    done = command_line("mcp", "--data", "nowhere")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("The MCP server needs the MCP SDK, which is not installed")
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [sdk] = project["optional-dependencies"]["mcp"]
    assert f'pip install "{sdk}"' in done.stderr
    assert f'pip install "{sdk}"' in GUIDE.read_text(encoding="utf-8")


def test_documented_configurations_have_the_tested_command() -> None:
    configurations = [json.loads(one) for one in re.findall(r"```json\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)]
    servers = [next(iter(one.values()))["routerscope"] for one in configurations]
    assert [list(one) for one in configurations] == [["mcpServers"], ["servers"]]
    for server in servers:
        assert server["command"].endswith("/.venv/bin/routerscope")
        assert server["args"][:-1] == SERVER[2:]
