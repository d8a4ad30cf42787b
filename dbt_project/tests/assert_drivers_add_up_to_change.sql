{{ config(meta={'dagster': {'ref': {'name': 'growth_drivers'}}}) }}
-- The contributions of every dimension add up to the change of the total: tokens exactly, percentage points within 1e-9
-- of the change (or of one point, if the change is smaller).
select
    window_end,
    horizon,
    dimension,
    sum(change_tokens) as tokens_explained,
    any_value(total_tokens) - any_value(base_total_tokens) as tokens_changed,
    sum(contribution_pp) as points_explained
from {{ ref('growth_drivers') }}
group by window_end, horizon, dimension
having
    tokens_explained <> tokens_changed
    or abs(points_explained - 100 * tokens_changed / any_value(base_total_tokens))
    > 1e-9 * greatest(1, abs(points_explained))
