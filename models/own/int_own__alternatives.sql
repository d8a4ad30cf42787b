-- The user's tokens of each month, and of the whole log, at the prices that every other model and endpoint had on the
-- days of the calls.
{%- set counts = [
    'calls', 'prompt_tokens', 'completion_tokens', 'cached_low', 'cached_high', 'cache_write_low',
    'cache_write_tokens', 'cache_write_high',
] %}
with flows as (

    select
        source,
        date,
        from_model,
        from_model_id,
        prompt_class,
        mean_class,
        any_value(output_modalities) as output_modalities,
        {%- for name in counts %}
            cast(sum({{ name }}) as bigint) as {{ name }},
        {%- endfor %}
        sum(extra_usd) as extra_usd,
        {{ own_sum('paid_usd') }} as paid_usd
    from {{ ref('int_own__flows') }}
    group by source, date, from_model, from_model_id, prompt_class, mean_class

),

models as (

    select
        model_id,
        output_modalities
    from {{ source('release', 'model') }}
    where model_id is not null

),

priced as (

    select
        flows.source,
        flows.date,
        flows.from_model,
        prices.to_model_id,
        prices.provider_name,
        prices.endpoint_tag,
        prices.context_length,
        prices.is_known,
        flows.calls,
        flows.prompt_tokens + flows.completion_tokens as tokens,
        flows.paid_usd,
        flows.extra_usd,
        {{ own_usd(own_cost_of('flows.', 'prices.', 'flows.cached_low', 'flows.cache_write_tokens')) }}
            as same_tokens_usd,
        {{ own_usd(own_cost_of('flows.', 'prices.', '0', '0')) }} as no_cache_usd,
        {{ own_usd(own_cost_corner('low', 'flows.', 'prices.')) }} as low_usd,
        {{ own_usd(own_cost_corner('high', 'flows.', 'prices.')) }} as high_usd
    from flows
    inner join {{ ref('int_own__alternative_prices') }} as prices
        on
            flows.date = prices.date
            and flows.prompt_class = prices.prompt_class
            and flows.mean_class = prices.mean_class
    inner join models on prices.to_model_id = models.model_id
    where
        models.output_modalities is null
        or list_has_all(models.output_modalities, coalesce(flows.output_modalities, ['text']))

),

monthly as (

    select
        source,
        cast(date_trunc('month', date) as date) as month,
        from_model,
        to_model_id,
        provider_name,
        endpoint_tag,
        max(context_length) as context_length,
        sum(calls) as calls,
        sum(tokens) as tokens,
        {{ own_sum('paid_usd') }} as paid_usd,
        {%- for name in ['same_tokens_usd', 'no_cache_usd', 'low_usd', 'high_usd'] %}
            {{ own_sum(name) }} + sum(extra_usd) as {{ name }},
        {%- endfor %}
        sum(tokens) filter (is_known) as known_tokens
    from priced
    group by source, month, from_model, to_model_id, provider_name, endpoint_tag

),

starts as (

    select
        source,
        min(date) as first_date
    from flows
    group by source

),

periods as (

    select
        'month' as period,
        month as period_start,
        *
    from monthly
    union all
    select
        'all' as period,
        starts.first_date as period_start,
        monthly.*
    from monthly
    inner join starts using (source)

)

select
    period,
    period_start,
    source,
    from_model,
    to_model_id,
    provider_name,
    endpoint_tag,
    max(context_length) as context_length,
    cast(sum(calls) as bigint) as calls,
    cast(sum(tokens) as bigint) as tokens,
    {{ own_sum('paid_usd') }} as paid_usd,
    {{ own_sum('same_tokens_usd') }} as same_tokens_usd,
    {{ own_sum('no_cache_usd') }} as no_cache_usd,
    least({{ own_sum('low_usd') }}, {{ own_sum('same_tokens_usd') }}, {{ own_sum('no_cache_usd') }}) as low_usd,
    greatest({{ own_sum('high_usd') }}, {{ own_sum('same_tokens_usd') }}, {{ own_sum('no_cache_usd') }}) as high_usd,
    cast(coalesce(sum(known_tokens), 0) as bigint) as known_tokens
from periods
group by period, period_start, source, from_model, to_model_id, provider_name, endpoint_tag
