"""A release of a few models with every kind of price, for tests of the exports."""

from decimal import Decimal

import duckdb
from cost_formula import NAMES, Prices

DECIMALS = ", ".join(f"{name} decimal(38, 24)" for name in NAMES)
TYPE = (
    f"struct({DECIMALS}, overrides struct(min_prompt_tokens bigint, utc_start integer, utc_end integer, {DECIMALS})[])"
)


def prices(*overrides: Prices, **base: str) -> Prices:
    """A value of the column `prices`; prices that are not given are null."""
    conditions = ("min_prompt_tokens", "utc_start", "utc_end")
    return {name: base.get(name) for name in NAMES} | {
        "overrides": [{name: one.get(name) for name in (*conditions, *NAMES)} for one in overrides]
    }


def as_decimals(listed: Prices) -> Prices:
    """The prices with numbers in place of texts, as the formula needs them."""

    def decimals(given: Prices) -> Prices:
        return {name: Decimal(value) if name in NAMES and value is not None else value for name, value in given.items()}

    return decimals(listed) | {"overrides": [decimals(one) for one in listed["overrides"]]}


PLAIN = prices(prompt="0.000003", completion="0.000015", cache_read="0.0000003", cache_write="0.00000375")
TIERED = prices(
    {"min_prompt_tokens": 200000, "prompt": "0.0000025", "completion": "0.000015", "cache_read": "0.000000625"},
    prompt="0.00000125",
    completion="0.00001",
    cache_read="0.00000031",
)
TWO_TIERS = prices(
    {"min_prompt_tokens": 32000, "prompt": "0.0000012", "completion": "0.000006"},
    {"min_prompt_tokens": 131072, "prompt": "0.0000015"},
    {"min_prompt_tokens": 131072, "cache_write": "0.000002"},
    prompt="0.0000008",
    completion="0.000004",
    cache_read="0.00000016",
)
# id → permaslug and prices.
MODELS = {
    "acme/plain": ("acme/plain-20260101", PLAIN),
    "acme/plain-pro": ("acme/plain-pro-20260101", prices(prompt="0.00003", completion="0.00018")),
    "acme/plain:free": ("acme/plain-20260101:free", prices(prompt="0", completion="0")),
    "~acme/plain-latest": ("acme/plain-20260101", PLAIN),
    "acme/tiered": ("acme/tiered-20260101", TIERED),
    "acme/two.tiers": ("acme/two.tiers-20260101", TWO_TIERS),
    "acme/dynamic": ("acme/dynamic", prices()),
    "acme/unknown": ("acme/unknown", None),
    "acme/by-request": ("acme/by-request", prices(prompt="0.000001", completion="0.000001", request="0.01")),
    "acme/nightly": (
        "acme/nightly",
        prices({"utc_start": 1630, "utc_end": 30, "prompt": "0.0000005"}, prompt="0.000001", completion="0.000002"),
    ),
}
LAST_SEEN = "2026-08-06 00:38:10"
# Prices before those of MODELS, and the id `acme/former`, which later became the permaslug of another one.
# (id, permaslug, prices, first and last time at which they were listed)
PAST = [
    ("acme/plain", "acme/plain-20260101", TIERED, "2026-07-01", "2026-07-31"),
    ("acme/former", "acme/former", prices(prompt="0.000009", completion="0.00009"), "2026-01-01", "2026-01-02"),
    ("acme/renamed", "acme/former", prices(prompt="0.000007", completion="0.00007"), "2026-03-01", "2026-04-01"),
    ("acme/renamed", "acme/former", prices(prompt="0.000002", completion="0.00002"), "2026-05-01", LAST_SEEN),
]
# Their cost depends on more than a format can say, or is unknown.
INEXPRESSIBLE = {"acme/dynamic", "acme/unknown", "acme/by-request"}
# (prompt, completion, cached, cache-written tokens) around each length at which a price changes.
CALLS = [
    (2006, 0, 1920, 0),
    (2000, 10, 500, 300),
    (262_960, 1_744, 257_955, 0),
    *((length + step, 777, length // 3, 9) for length in (32_000, 131_072, 200_000) for step in (-1, 0, 1)),
]


def small_release() -> duckdb.DuckDBPyConnection:
    """The tables that the exports read, in memory; simulated data, so that the mark is tested too."""
    connection = duckdb.connect()
    connection.execute(
        f"""
        create table price_current (
            model_id varchar, model_permaslug varchar, prices {TYPE}, context_length bigint,
            max_completion_tokens bigint, output_modalities varchar[], input_modalities varchar[], has_tools boolean,
            has_structured_outputs boolean, is_reasoning_capable boolean, as_of timestamp, source_url varchar,
            scope_id varchar
        )
        """
    )
    for model, (slug, listed) in MODELS.items():
        connection.execute(
            "insert into price_current values (?, ?, ?, 1000000, 8192, ['text'], ['text', 'image'], true, false, null, "
            f"timestamp '{LAST_SEEN}', 'https://openrouter.ai/models', 'simulated')",
            [model, slug, listed],
        )
    connection.execute(
        "create table citations as "
        "select 'models' as surface, 'Simulated by Routerscope. This is not OpenRouter data.' as citation"
    )
    connection.execute(
        "create table model_scorecard as select model_id, row_number() over (order by model_id) as rank, "
        "case when model_id = 'acme/tiered' then 'Cheap, and gained 1.2 points.' end as try_reason from price_current"
    )
    connection.execute(
        f"create table price_history (model_id varchar, model_permaslug varchar, prices {TYPE}, valid_from timestamp, "
        "last_seen_at timestamp)"
    )
    connection.executemany(
        "insert into price_history values (?, ?, ?, ?, ?)",
        [
            *((model, slug, listed, "2026-08-01", LAST_SEEN) for model, (slug, listed) in MODELS.items()),
            *PAST,
        ],
    )
    return connection
