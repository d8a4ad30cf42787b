-- Changes of listed prices: jumps of the input or output price, and promotions, by which an id became free or an
-- endpoint's discount grew. An alias has the price of its target and is left out.
with intervals as (

    select
        model_id,
        cast(valid_from as date) as date,
        is_free,
        {{ usd_per_mtok('prompt_price') }} as prompt,
        {{ usd_per_mtok('completion_price') }} as completion,
        {{ usd_per_mtok('previous_prices.prompt') }} as previous_prompt,
        {{ usd_per_mtok('previous_prices.completion') }} as previous_completion,
        scope_id,
        source_url,
        last_seen_at as as_of,
        coalesce(previous_seen_at, valid_from) as oldest_as_of,
        last_fetched_at as checked_at
    from {{ ref('int_prices__intervals') }}
    where not is_return and not starts_with(model_id, '~')

),

-- As a factor either way: halved is as far as doubled.
changes as (

    select
        *,
        coalesce({{ factor('prompt', 'previous_prompt') }}, 1) as prompt_factor,
        coalesce({{ factor('completion', 'previous_completion') }}, 1) as completion_factor,
        'Input ' || {{ as_change('previous_prompt', 'prompt') }} || ', output '
        || {{ as_change('previous_completion', 'completion') }} || ' USD per million tokens.' as evidence
    from intervals

),

-- A sweep that looks truncated may lack the endpoint with the greatest discount.
discounts as (

    select
        endpoints.model_id,
        endpoints.raw_file,
        endpoints.as_of,
        max(endpoints.scope_id) as scope_id,
        max(endpoints.source_url) as source_url,
        max(endpoints.fetched_at) as checked_at,
        coalesce(max(endpoints.discount_price), 0) as discount,
        max_by(endpoints.provider_name, (coalesce(endpoints.discount_price, 0), endpoints.provider_name))
            as provider_name
    from {{ ref('stg_openrouter__endpoints') }} as endpoints
    inner join {{ ref('int_lists__compared') }} as lists using (raw_file)
    where endpoints.endpoint_no is not null and not lists.is_suspect
    group by endpoints.model_id, endpoints.raw_file, endpoints.as_of

),

discounts_in_time as (

    select
        *,
        lag(discount) over (partition by model_id order by as_of, discount) as previous_discount,
        lag(as_of) over (partition by model_id order by as_of, discount) as previous_as_of
    from discounts

),

found as (

    select
        date,
        'price_jump' as kind,
        model_id,
        case when prompt_factor >= completion_factor then prompt else completion end as value,
        case when prompt_factor >= completion_factor then previous_prompt else previous_completion end as expected,
        100 * greatest(prompt_factor, completion_factor) - 100 as score,
        evidence,
        scope_id,
        source_url,
        as_of,
        oldest_as_of,
        checked_at
    from changes
    where not is_free

    union all

    select
        date,
        'promotion' as kind,
        model_id,
        prompt as value,
        previous_prompt as expected,
        100 as score,
        evidence,
        scope_id,
        source_url,
        as_of,
        oldest_as_of,
        checked_at
    from changes
    where is_free and (previous_prompt > 0 or previous_completion > 0)

    union all

    select
        cast(as_of as date) as date,
        'promotion' as kind,
        model_id,
        cast(discount as double) as value,
        cast(previous_discount as double) as expected,
        cast(100 * (discount - previous_discount) as double) as score,
        'The greatest discount of an endpoint went from ' || {{ as_percent('previous_discount') }} || ' to '
        || {{ as_percent('discount') }} || ', at ' || provider_name || '.' as evidence,
        scope_id,
        source_url,
        as_of,
        previous_as_of as oldest_as_of,
        checked_at
    from discounts_in_time
    where discount > previous_discount

)

select
    found.date,
    found.kind,
    'model_id' as subject_type,
    found.model_id as subject,
    found.model_id as subject_name,
    kind = 'price_jump' and found.value > found.expected as is_up,
    found.value,
    found.expected,
    found.score,
    found.score as recent_score,
    found.score as step_score,
    found.evidence,
    -- Whether the rankings list the model on the day or in the week before it.
    exists(
        select 1 from {{ ref('int_usage__matched') }} as listed
        where found.model_id = listed.model_id and listed.date between found.date - 7 and found.date
    ) as is_listed,
    found.scope_id,
    found.source_url,
    found.as_of,
    found.oldest_as_of,
    found.checked_at
from found
