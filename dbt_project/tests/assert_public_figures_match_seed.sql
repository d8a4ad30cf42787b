{{ config(meta={'dagster': {'ref': {'name': 'figure_check'}}}) }}
-- Figures of others stand as the seed has them, each once, and are judged by how far ours is from them; anomalies are
-- held to the threshold of their kind.
with lake as (

    select max(scope_id) as scope_id from {{ ref('citations') }}

),

figures as (

    select
        said.figure_id,
        said.value,
        said.rounded_to,
        greatest(0.01 * said.value, said.rounded_to / 2) as tolerance
    from {{ ref('public_figures') }} as said
    -- Of a made-up traffic nobody has said anything.
    inner join lake on lake.scope_id <> 'simulated'

)

select
    'figure_check' as mart,
    coalesce(figures.figure_id, checked.figure_id) as member
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

union all

select
    'anomaly' as mart,
    concat_ws(', ', anomaly.date, anomaly.kind, anomaly.subject) as member
from {{ ref('anomaly') }} as anomaly
left join {{ ref('anomaly_kinds') }} as kinds using (kind)
where anomaly.threshold is distinct from kinds.threshold or anomaly.hint is distinct from kinds.hint
