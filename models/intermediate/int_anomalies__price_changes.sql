-- Changes in the listed input and output price of each id, with the previous price. Aliases are left out because they
-- repeat the prices of their target, and so are ids that the previous list lacks.
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

-- A change is a factor, so that halving a price is as large a change as doubling it.
select
    model_id,
    date,
    is_free,
    prompt,
    completion,
    previous_prompt,
    previous_completion,
    coalesce({{ price_factor('prompt', 'previous_prompt') }}, 1) as prompt_factor,
    coalesce({{ price_factor('completion', 'previous_completion') }}, 1) as completion_factor,
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
