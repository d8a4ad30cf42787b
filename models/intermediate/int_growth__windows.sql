-- Each rolling window beside the one it is compared with: the one before it, or that of a year earlier, 364 days being
-- 52 weeks. A window that ends before anything was observed is not compared.
with spans as (

    select * from {{ ref('int_windows') }}
    where span in ('1d', '7d', '28d')

),

horizons as (

    select
        kinds.horizon,
        kinds.span,
        kinds.step_days
    from (values ('1d', '1d', 1), ('7d', '7d', 7), ('28d', '28d', 28), ('364d', '28d', 364)) as kinds (
        horizon, span, step_days
    )

),

compared as (

    select
        spans.ranking,
        horizons.horizon,
        horizons.span,
        horizons.step_days,
        spans.span_start as window_start,
        spans.span_end as window_end,
        spans.span_end - horizons.step_days as base_end,
        min(spans.span_end) over (partition by spans.ranking) as first_day
    from spans
    inner join horizons using (span)
    qualify base_end >= first_day

),

both_windows as (

    select
        compared.*,
        spans.span_end = compared.base_end as is_base,
        spans.is_whole,
        spans.is_truncated,
        spans.total_tokens,
        spans.other_tokens,
        spans.scope_id,
        spans.source_url,
        spans.as_of,
        spans.oldest_as_of,
        spans.checked_at
    from compared
    inner join spans
        on
            compared.ranking = spans.ranking
            and compared.span = spans.span
            and spans.span_end in (compared.window_end, compared.base_end)

)

select
    ranking,
    horizon,
    span,
    step_days,
    window_start,
    window_end,
    base_end,
    max(total_tokens) filter (where not is_base and is_whole) as total_tokens,
    max(other_tokens) filter (where not is_base and is_whole) as other_tokens,
    max(total_tokens) filter (where is_base and is_whole) as base_total_tokens,
    max(other_tokens) filter (where is_base and is_whole) as base_other_tokens,
    bool_or(is_truncated) as is_truncated,
    {{ provenance_of_sums('both_windows') }}
from both_windows
group by ranking, horizon, span, step_days, window_start, window_end, base_end
