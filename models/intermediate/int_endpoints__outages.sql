-- Outages of each endpoint: runs of consecutive observations with a status other than 0. A response that lacks the
-- endpoint ends a run, because it is then not offered at all.
with endpoints as (

    select * from {{ ref('int_endpoints__observed') }}

),

marked as (

    select
        *,
        coalesce(not is_up, false) as is_down,
        lag(is_up) over endpoint_by_time as was_up,
        lag(list_no) over endpoint_by_time as previous_list_no
    from endpoints
    window endpoint_by_time as (partition by model_id, provider_name, endpoint_tag order by list_no)

),

numbered as (

    select
        *,
        sum(
            (is_down and (coalesce(was_up, true) or previous_list_no < list_no - 1))::int
        ) over (partition by model_id, provider_name, endpoint_tag order by list_no) as outage_no
    from marked

)

select
    model_id,
    provider_name,
    endpoint_tag,
    min(as_of) as first_seen_at,
    max(as_of) as last_seen_at,
    count(*) as observations
from numbered
where is_down
group by model_id, provider_name, endpoint_tag, outage_no
