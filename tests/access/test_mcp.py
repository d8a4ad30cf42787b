"""The MCP server: over a real pipe as an agent starts it, and its limits in this process."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from conftest import PROJECT, CommandLine, Run, environment
from mcp import Client, StdioServerParameters, stdio_client

from orchestration.access import mcp as mcp_module
from orchestration.access.mcp import make_server

Result = Any


def ask(server: Any, *calls: tuple[str, dict[str, Any]]) -> list[Result]:
    """The result of each call, in one session."""

    async def session() -> list[Result]:
        async with Client(server) as client:
            return [await client.call_tool(name, arguments) for name, arguments in calls]

    return anyio.run(session)


@pytest.fixture
def call(few_run: Run) -> Callable[..., Result]:
    def start(name: str, **arguments: Any) -> Result:
        return ask(make_server(few_run.data), (name, arguments))[0]

    return start


def test_agent_reads_over_a_pipe(few_run: Run, tmp_path: Path) -> None:
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "orchestration.cli", "mcp", "--data", str(few_run.data)],
        cwd=PROJECT,
        env=environment(tmp_path),
    )

    async def session() -> list[Result]:
        async with Client(stdio_client(parameters)) as client:
            tools = (await client.list_tools()).tools
            assert all(tool.annotations.read_only_hint for tool in tools)
            assert {tool.name for tool in tools} == {"describe", "query", "price"}
            sql = "select model_permaslug, tokens from share_model where period = 'day' order by tokens desc"
            return [
                await client.call_tool("describe", {}),
                await client.call_tool("query", {"sql": sql, "max_rows": 2}),
                await client.call_tool(
                    "price", {"model": "anthropic/claude-sonnet-4.5", "prompt_tokens": 1000, "completion_tokens": 100}
                ),
            ]

    described, queried, priced = [result.structured_content for result in anyio.run(session)]
    assert described["tables"]["share_model"]["rows"] > 0
    assert set(described["functions"]) == {"cost_usd", "price_on"}
    assert (len(queried["rows"]), queried["has_more_rows"]) == (2, True)
    assert any("openrouter.ai/rankings" in line for line in queried["about"])
    assert float(priced["listed"][0]["cost_usd"]) == 0.0045  # 1,000 · $3.00 and 100 · $15.00 per million
    assert all(
        not answer["is_simulated"] and answer["about"][0].startswith("Scope: ") for answer in (described, queried)
    )


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("query", {"sql": "delete from share_model"}, "Only SELECT and EXPLAIN are allowed"),
        ("query", {"sql": "attach '/tmp/x.duckdb'"}, "Only SELECT and EXPLAIN are allowed"),
        ("query", {"sql": "from read_csv('/etc/passwd')"}, "disabled"),
        ("query", {"sql": "set memory_limit = '100GB'"}, "Only SELECT and EXPLAIN are allowed"),
        ("query", {"sql": "select repeat('x', 2000000) as long"}, "Ask for fewer rows or columns"),
        ("query", {"sql": "select 1", "max_rows": 5000}, "less than or equal to 2000"),
        ("describe", {"table": "nowhere"}, "There is no table 'nowhere'.*price_current"),
        ("price", {"model": "nobody/none"}, "No list of models that was observed has 'nobody/none'"),
        ("price", {"model": "x", "day": "soon"}, "'soon' is not a valid day"),
        ("price", {"model": "x", "prompt_tokens": 1, "cached_tokens": 2}, "Both are parts of the prompt"),
    ],
)
def test_tool_refuses_in_plain_words(
    call: Callable[..., Result], name: str, arguments: dict[str, Any], message: str
) -> None:
    result = call(name, **arguments)
    assert result.is_error
    [content] = result.content
    assert re.search(message, content.text), content.text


def test_query_that_takes_too_long_is_interrupted(call: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_module, "QUERY_TIMEOUT_SECONDS", 0.5)
    endless = "select count(*) from range(10000000) as a, range(10000000) as b where a.range * b.range % 7 = 3"
    result = call("query", sql=endless)
    assert result.is_error
    assert "took longer than 0.5 seconds and was stopped" in result.content[0].text


def test_values_that_json_lacks_become_text_or_null(call: Callable[..., Result]) -> None:
    sql = "select 0.1::decimal(38, 24) as exact, 'nan'::double as nothing, date '2026-07-01' as day, 'a\tb' as text"
    [row] = call("query", sql=sql).structured_content["rows"]
    assert row == {"exact": "0.100000000000000000000000", "nothing": None, "day": "2026-07-01", "text": "a\tb"}


def test_each_call_reads_the_newest_release(few_run: Run, simulated: Run, tmp_path: Path) -> None:
    (tmp_path / "published").symlink_to(few_run.published.parent.resolve())
    server = make_server(tmp_path)
    [before] = ask(server, ("describe", {}))
    (tmp_path / "published").unlink()
    (tmp_path / "published").symlink_to(simulated.published.parent.resolve())
    [after] = ask(server, ("describe", {}))
    assert (before.structured_content["is_simulated"], after.structured_content["is_simulated"]) == (False, True)


def test_missing_release_is_a_plain_tool_error(tmp_path: Path) -> None:
    [result] = ask(make_server(tmp_path), ("describe", {}))
    assert result.is_error
    assert "has no published release that can be read" in result.content[0].text


def test_missing_package_is_a_settings_error(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.cli.mcp.find_spec", lambda _: None)
    done = command_line("mcp")
    assert done.returncode == 2
    assert "pip install 'mcp>=2.3,<3'" in done.stderr
