-- Every price of a release, listed or of an endpoint, with the time in which it may have been valid. Responses are some
-- time apart: between two of them, both the old and the new price are possible.
with endpoints as (

    select
        model_id,
        provider_name,
        endpoint_tag,
        prices,
        context_length,
        valid_from,
        valid_to,
        not_before,
        last_seen_at,
        source_url,
        checked_at,
        lead(valid_from) over (
            partition by model_id, provider_name, endpoint_tag
            order by valid_from
        ) as next_valid_from
    from {{ source('release', 'price_endpoint_history') }}

),

-- Times of the responses for a model, as far as the intervals of its endpoints show them.
responses as (

    select
        model_id,
        unnest([valid_from, last_seen_at, not_before]) as response_at
    from endpoints

),

next_responses as (

    select
        seen.model_id,
        seen.last_seen_at,
        min(responses.response_at) as next_response_at
    from endpoints as seen
    inner join responses on seen.model_id = responses.model_id and seen.last_seen_at < responses.response_at
    group by seen.model_id, seen.last_seen_at

),

-- An endpoint that is gone may have been there until the first response without it.
ended as (

    select
        endpoints.*,
        case
            when endpoints.valid_to = endpoints.next_valid_from then endpoints.next_valid_from
            when endpoints.valid_to is not null then next_responses.next_response_at
        end as possible_to
    from endpoints
    left join next_responses using (model_id, last_seen_at)

),

listed as (

    select
        *,
        lead(valid_from) over (partition by model_id order by valid_from) as next_valid_from
    from {{ source('release', 'price_history') }}

),

tables as (

    select
        model_id,
        provider_name,
        endpoint_tag,
        prices,
        context_length,
        valid_from,
        last_seen_at,
        not_before,
        source_url,
        checked_at,
        valid_to is null as is_current,
        coalesce(not_before, cast('-infinity' as timestamp)) as possible_from,
        coalesce(possible_to, cast('infinity' as timestamp)) as possible_to
    from ended
    union all
    select
        listed.model_id,
        null as provider_name,
        null as endpoint_tag,
        listed.prices,
        models.context_length,
        listed.valid_from,
        listed.last_seen_at,
        listed.not_before,
        listed.source_url,
        listed.checked_at,
        listed.valid_to is null as is_current,
        coalesce(listed.not_before, cast('-infinity' as timestamp)) as possible_from,
        coalesce(listed.next_valid_from, cast('infinity' as timestamp)) as possible_to
    from listed
    left join {{ source('release', 'model') }} as models on listed.model_id = models.model_id

)

select
    row_number() over (order by model_id, provider_name, endpoint_tag, valid_from) as table_no,
    endpoint_tag is null as is_listed_price,
    *
from tables
