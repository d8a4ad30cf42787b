-- All prompt lengths, in tokens, above which some price changes. A call's prompt class is the number of those that its
-- prompt exceeds.
with overrides as (

    select unnest((prices).overrides) as condition
    from {{ ref('int_own__price_tables') }}

)

select
    coalesce(
        list_sort(list(distinct condition.min_prompt_tokens) filter (condition.min_prompt_tokens is not null)), []
    ) as thresholds
from overrides
