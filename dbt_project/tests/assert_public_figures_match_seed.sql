{{ config(meta={'dagster': {'ref': {'name': 'figure_check'}}}) }}
-- Each public figure of the seed is in figure_check once and unchanged, with a verdict that follows from its distance
-- to our figure.
with lake as (

    select max(scope_id) as scope_id from {{ ref('citations') }}

),

figures as (

    select
        published.figure_id,
        published.value,
        greatest(0.01 * published.value, published.rounded_to / 2) as tolerance
    from {{ ref('public_figures') }} as published
    -- Public figures are about real traffic, so simulated data has nothing to compare.
    inner join lake on lake.scope_id <> 'simulated'

)

select coalesce(figures.figure_id, checked.figure_id) as figure_id
from figures
full join {{ ref('figure_check') }} as checked using (figure_id)
where
    checked.said_value is distinct from figures.value
    or (checked.verdict = 'match' and checked.said_value > checked.our_value + figures.tolerance)
    or (
        checked.verdict = 'match' and not checked.is_at_least
        and checked.said_value < checked.our_value - figures.tolerance
    )
    or (checked.verdict = 'mismatch' and abs(checked.said_value - checked.our_value) <= figures.tolerance)
    or not coalesce(
        abs(checked.difference_pct - 100 * (checked.said_value / checked.our_value - 1))
        <= 1e-9 * abs(checked.difference_pct),
        checked.difference_pct is null and coalesce(checked.our_value, 0) = 0
    )
