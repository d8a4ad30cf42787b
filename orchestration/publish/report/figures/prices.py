"""Listed prices: what changed, and price beside share."""

from __future__ import annotations

from functools import partial

from orchestration.publish.report import charts, findings
from orchestration.publish.report.figures.figure import (
    INPUT_PRICE_COLUMN,
    MODEL_KEY,
    OUTPUT_PRICE_COLUMN,
    SHARE_OF_TOKENS,
    Figure,
    name_column,
)
from orchestration.publish.report.formats import COUNT, DATE, PERCENT_CHANGE, PRICE, Column

PRICE_CHANGES = Figure(
    "price-changes",
    "Price changes",
    "Models whose listed price per million tokens changed in the 30 days before the newest list: the price then and "
    "now, the largest differences first, at most 40. A price may change several times and return.",
    "price_history",
    ("model_id", "valid_from"),
    (
        name_column("model"),
        Column("prompt_before", "input from", PRICE, mart=None),
        Column("prompt_usd_per_mtok", "input to", PRICE),
        Column("prompt_change", "input change", PERCENT_CHANGE, mart=None),
        Column("completion_before", "output from", PRICE, mart=None),
        Column("completion_usd_per_mtok", "output to", PRICE),
        Column("completion_change", "output change", PERCENT_CHANGE, mart=None),
        Column("valid_from", "last change seen", DATE),
        Column("changes", "changes", COUNT, mart=None),
    ),
    """
    with changed as (
        select *
        from price_history
        where valid_from > (select max(last_seen_at) - interval 30 day from price_history)
            and model_id not like '~%'
            and (
                prompt_usd_per_mtok <> previous_prompt_usd_per_mtok
                or completion_usd_per_mtok <> previous_completion_usd_per_mtok
            )
    ),
    newest as (
        select
            *,
            count(*) over of_model as changes,
            first_value(previous_prompt_usd_per_mtok) over of_model as prompt_before,
            first_value(previous_completion_usd_per_mtok) over of_model as completion_before,
        from changed
        window of_model as (
            partition by model_id order by valid_from rows between unbounded preceding and unbounded following
        )
        qualify row_number() over (partition by model_id order by valid_from desc) = 1
    ),
    compared as (
        select
            *,
            100 * (prompt_usd_per_mtok / nullif(prompt_before, 0) - 1) as prompt_change,
            100 * (completion_usd_per_mtok / nullif(completion_before, 0) - 1) as completion_change,
            -- The direction of the input price; of the output price where that of the input is the same.
            coalesce(
                nullif(sign(prompt_usd_per_mtok - prompt_before), 0),
                sign(completion_usd_per_mtok - completion_before)
            ) as direction,
        from newest
    )
    select
        compared.*, coalesce(model_name, model_id) as name,
        count(*) filter (where direction < 0) over () as cheaper,
        count(*) filter (where direction > 0) over () as dearer,
        count(*) filter (where direction = 0) over () as same,
    from compared
    left join price_names using (model_id)
    -- A change from a price of 0 has no percentage and comes first.
    order by
        (prompt_before = 0 and prompt_usd_per_mtok > 0) or (completion_before = 0 and completion_usd_per_mtok > 0) desc,
        -- A cut to a tenth is as large as a rise to ten times the price.
        greatest(
            abs(ln(nullif(prompt_usd_per_mtok, 0) / nullif(prompt_before, 0))),
            abs(ln(nullif(completion_usd_per_mtok, 0) / nullif(completion_before, 0)))
        ) desc nulls last,
        model_id
    limit 40
    """,
    findings.price_changes,
)


# Models of the report's period with their prices.
_PRICED = """
    select
        period_prices.period, period_prices.period_start, model_permaslug, rank, model_name as name, author_name,
        share, prompt_usd_per_mtok, completion_usd_per_mtok, price_basis,
        share_model.source_url, share_model.as_of as source_as_of, price_source_url, price_as_of,
        greatest(share_model.as_of, period_prices.as_of) as as_of,
        least(share_model.oldest_as_of, period_prices.oldest_as_of) as oldest_as_of,
        greatest(share_model.checked_at, period_prices.checked_at) as checked_at,
    from share_model
    join newest using (period, period_start)
    join period_prices using (model_permaslug)
    join model_names using (model_permaslug)
"""


def _price_figure(kind: str, column: Column, colour: str) -> Figure:
    return Figure(
        f"{kind}-price",
        f"{kind.capitalize()} price and share",
        f"Listed {kind} price and share of tokens of each model in {{period}}. The chart does not show that one causes "
        "the other.",
        "share_model",
        MODEL_KEY,
        (name_column("model"), Column("rank", "rank", COUNT), column, SHARE_OF_TOKENS),
        f"{_PRICED} where {column.name} is not null order by rank, model_permaslug",
        findings.cheap_share(column.name, kind),
        partial(charts.price_share, price=column.name, colour=colour),
    )


INPUT_PRICE = _price_figure("input", INPUT_PRICE_COLUMN, charts.INPUT)


OUTPUT_PRICE = _price_figure("output", OUTPUT_PRICE_COLUMN, charts.OUTPUT)
