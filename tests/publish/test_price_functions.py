"""The cost of a call: the published macro against the formula in plain Python, and the figures of public reports."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import duckdb
import pytest
from cost_formula import NAMES, Prices, expected_cost, overridden, price_lists, tokens
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.publish.price_functions import price_functions
from orchestration.transform.manifest import MANIFEST


def prices(*overrides: Prices, **base: str) -> Prices:
    """A value of the column `prices`; prices that are not given are null."""

    def decimals(given: Prices) -> Prices:
        return {name: None if given.get(name) is None else Decimal(given[name]) for name in NAMES}

    conditions = ("min_prompt_tokens", "utc_start", "utc_end")
    return decimals(base) | {
        "overrides": [{name: one.get(name) for name in conditions} | decimals(one) for one in overrides]
    }


class Database:
    """A table `calls` with one row, and the published macro."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        [cost] = [function for function in price_functions(MANIFEST) if function.name == "cost_usd"]
        self.connection.execute(f"create macro {cost.definition}")
        decimals = ", ".join(f"{name} decimal(38, 24)" for name in NAMES)
        overrides = f"struct(min_prompt_tokens bigint, utc_start integer, utc_end integer, {decimals})[]"
        self.connection.execute(f"create table calls (prices struct({decimals}, overrides {overrides}))")

    def cost(self, prices: Prices | None, *arguments: int, time: str = "null", **named: int) -> Decimal | None:
        self.connection.execute("delete from calls")
        self.connection.execute("insert into calls values (?)", [prices])
        given = [*map(str, arguments), *(f"{name} := {value}" for name, value in named.items()), f"time_utc := {time}"]
        return self.connection.execute(f"select cost_usd(prices, {', '.join(given)}) from calls").fetchall()[0][0]


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    made = Database()
    with made.connection:
        yield made


PLAIN = prices(prompt="0.000003", completion="0.000015", cache_read="0.0000003", cache_write="0.00000375")
GEMINI = prices(
    {"min_prompt_tokens": 200_000, "prompt": "2.5e-6", "cache_read": "0.625e-6", "completion": "1.5e-5"},
    prompt="1.25e-6",
    completion="1e-5",
    cache_read="0.31e-6",
)
TIERED = prices(
    {"min_prompt_tokens": 272_000, "prompt": "0.000002", "completion": "0.000009"},
    prompt="0.000001",
    completion="0.000006",
    cache_read="0.0000001",
)
NIGHTLY = prices({"utc_start": 1630, "utc_end": 30, "prompt": "0.0000005"}, prompt="0.000001", completion="0.000002")


@pytest.mark.parametrize(
    ("listed", "call", "named", "cost"),
    [
        pytest.param(PLAIN, (2006, 0), {"cached_tokens": 1920}, "0.000834", id="prompt includes cached tokens"),
        pytest.param(
            PLAIN,
            (2000, 0),
            {"cached_tokens": 500, "cache_written_tokens": 300},
            "0.004875",
            id="prompt includes written tokens",
        ),
        pytest.param(
            GEMINI, (262_960, 1_744), {"cached_tokens": 257_955}, "0.199894375", id="tier applies to all tokens"
        ),
        pytest.param(TIERED, (272_000, 0), {}, "0.272", id="threshold itself has the base price"),
        pytest.param(TIERED, (272_001, 0), {"cached_tokens": 272_001}, "0.0272001", id="tier inherits the cache price"),
        pytest.param(TIERED, (272_001, 0), {"cached_tokens": 272_000}, "0.027202", id="tier counts cached tokens"),
        pytest.param(prices(prompt="0", completion="0"), (9, 9), {}, "0", id="free"),
        pytest.param(prices(prompt="1", completion="1"), (9, 0), {"cached_tokens": 4}, "9", id="no cache price"),
        pytest.param(prices(prompt="1", completion="1"), (1, 0), {"searches": 1}, None, id="unknown search price"),
        pytest.param(
            prices(prompt="0", completion="0", web_search="0.01"), (1, 0), {"searches": 2}, "0.02", id="every search"
        ),
        pytest.param(prices(prompt="1"), (1, 1), {}, None, id="unknown output price"),
        pytest.param(prices(prompt="1"), (1, 0), {}, "1", id="output price not needed"),
        pytest.param(prices(prompt="1", request="0.5"), (0, 0), {}, "0.5", id="price of a request"),
        pytest.param(PLAIN, (10, 0), {"cached_tokens": 11}, None, id="more cached than prompt"),
        pytest.param(PLAIN, (-1, 0), {}, None, id="negative"),
        pytest.param(None, (1, 1), {}, None, id="unknown condition"),
    ],
)
def test_cost_of_a_call(
    database: Database, listed: Prices | None, call: tuple[int, int], named: dict[str, int], cost: str | None
) -> None:
    assert database.cost(listed, *call, **named) == (None if cost is None else Decimal(cost))


@pytest.mark.parametrize(
    ("time", "cost"),
    [
        ("time '16:29:59'", "0.01"),
        ("time '16:30'", "0.005"),
        ("timestamp '2026-08-05 23:59:59'", "0.005"),
        ("'00:29'", "0.005"),
        ("time '00:30'", "0.01"),
        ("null", "0.01"),
    ],
)
def test_price_of_a_time_of_day_may_pass_midnight(database: Database, time: str, cost: str) -> None:
    assert database.cost(NIGHTLY, 10_000, 0, time=time) == Decimal(cost)


@settings(max_examples=300, deadline=None)
@given(price_lists, st.lists(overridden, max_size=3), st.tuples(*[tokens] * 5), st.none() | st.times())
def test_macro_equals_the_formula(
    database: Database, base: Prices, overrides: list[Prices], call: tuple[int, ...], time: dt.time | None
) -> None:
    listed = base | {"overrides": overrides}
    prompt, completion, cached, written, searches = call
    hhmm = -1 if time is None else 100 * time.hour + time.minute
    sql_time = "null" if time is None else f"time '{time:%H:%M:%S}'"
    found = database.cost(
        listed,
        prompt,
        completion,
        time=sql_time,
        cached_tokens=cached,
        cache_written_tokens=written,
        searches=searches % 10,
    )
    assert found == expected_cost(listed, prompt, completion, cached, written, searches % 10, hhmm)
