-- The user's tokens of each month, and of the whole log, at the prices that every other model and endpoint had on the
-- days of the calls.
{%- set counts = [
    'calls', 'prompt_tokens', 'completion_tokens', 'cached_low', 'cached_high', 'cache_write_low',
    'cache_write_tokens', 'cache_write_high',
] %}
-- Costs are linear, so the tokens of all days with the same prices are added up before they are multiplied.
with days as (

    select distinct
        span_no,
        prompt_class,
        mean_class,
        month,
        unnest(days) as date
    from {{ ref('int_own__alternative_spans') }}

),

added as (

    select
        flows.source,
        days.month,
        days.span_no,
        flows.from_model,
        any_value(flows.output_modalities) as output_modalities,
        {%- for name in counts %}
            cast(sum(flows.{{ name }}) as bigint) as {{ name }},
        {%- endfor %}
        sum(flows.extra_usd) as extra_usd,
        {{ own_sum('flows.paid_usd') }} as paid_usd
    from {{ ref('int_own__flows') }} as flows
    inner join days
        on
            flows.date = days.date
            and flows.prompt_class = days.prompt_class
            and flows.mean_class = days.mean_class
    group by flows.source, days.month, days.span_no, flows.from_model

),

priced as (

    select
        added.source,
        added.month,
        added.from_model,
        prices.to_model_id,
        prices.provider_name,
        prices.endpoint_tag,
        prices.context_length,
        prices.is_known,
        added.calls,
        added.prompt_tokens + added.completion_tokens as tokens,
        added.paid_usd,
        added.extra_usd,
        {{ own_usd(own_cost_of('added.', 'prices.', 'added.cached_low', 'added.cache_write_tokens')) }}
            as same_tokens_usd,
        {{ own_usd(own_cost_of('added.', 'prices.', '0', '0')) }} as no_cache_usd,
        {{ own_usd(own_cost_corner('low', 'added.', 'prices.')) }} as low_usd,
        {{ own_usd(own_cost_corner('high', 'added.', 'prices.')) }} as high_usd
    from added
    inner join {{ ref('int_own__alternative_spans') }} as prices on added.span_no = prices.span_no
    inner join {{ source('release', 'model') }} as models on prices.to_model_id = models.model_id
    where
        models.output_modalities is null
        or list_has_all(models.output_modalities, coalesce(added.output_modalities, ['text']))

),

monthly as (

    select
        source,
        month,
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
    from {{ ref('int_own__flows') }}
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
