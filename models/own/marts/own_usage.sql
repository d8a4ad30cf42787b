select
    date,
    model_permaslug,
    provider_name,
    source,
    label,
    is_own_key,
    max(model_id) as model_id,
    max(author) as author,
    max(variant) as variant,
    cast(sum(calls) as bigint) as calls,
    cast(sum(failed_calls) as bigint) as failed_calls,
    cast(sum(prompt_tokens) as bigint) as prompt_tokens,
    cast(sum(cached_tokens) as bigint) as cached_tokens,
    cast(sum(logged_cache_write_tokens) as bigint) as cache_write_tokens,
    cast(sum(completion_tokens) as bigint) as completion_tokens,
    cast(sum(reasoning_tokens) as bigint) as reasoning_tokens,
    sum(charged_usd) as charged_usd,
    sum(upstream_usd) as upstream_usd,
    {{ own_sum('paid_usd') }} as paid_usd,
    {{ own_common('cost_basis') }} as cost_basis,
    max(match_reason) as match_reason
from {{ ref('int_own__costs') }}
group by date, model_permaslug, provider_name, source, label, is_own_key
