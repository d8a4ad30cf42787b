-- Changes of the listed input and output price of each id, each with the price before. An alias repeats the prices of
-- its target and is left out, as is an id that was not listed just before.
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

)

-- A factor, so that half the price is as large a change as twice the price.
select
    model_id,
    date,
    is_free,
    prompt,
    completion,
    previous_prompt,
    previous_completion,
    coalesce({{ factor('prompt', 'previous_prompt') }}, 1) as prompt_factor,
    coalesce({{ factor('completion', 'previous_completion') }}, 1) as completion_factor,
    {{ filled('sentences.template', {
        'input': as_change('previous_prompt', 'prompt'),
        'output': as_change('previous_completion', 'completion'),
    }) }} as evidence,
    scope_id,
    source_url,
    as_of,
    oldest_as_of,
    checked_at
from intervals
left join {{ ref('anomaly_evidence') }} as sentences on sentences.form = 'price_change'
