-- Which endpoints explain the charges of each row of own_cost: all of them, or only some.
with costs as (

    select *
    from {{ ref('int_own__costs') }}
    where is_explained is not null

),

endpoints as (

    select
        *,
        unnest(candidates) as endpoint_tag
    from costs

),

explained as (

    select
        {{ own_row_key() }},
        endpoint_tag,
        count(*) as buckets
    from endpoints
    group by {{ own_row_key() }}, endpoint_tag

),

judged as (

    select
        {{ own_row_key() }},
        count(*) as buckets
    from costs
    group by {{ own_row_key() }}

)

select
    judged.*,
    coalesce(list_sort(list(explained.endpoint_tag) filter (explained.endpoint_tag is not null)), []) as candidates,
    case
        when count(*) filter (explained.buckets = judged.buckets) = 1
            then max(explained.endpoint_tag) filter (explained.buckets = judged.buckets)
    end as tag
from judged
left join explained
    on {{ own_same_row('judged', 'explained') }}
group by all
