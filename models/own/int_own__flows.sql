-- The user's calls of a day by model and prompt class, for prices of other models: tokens as intervals where the log
-- leaves them open.
select
    source,
    date,
    model_permaslug as from_model,
    model_id as from_model_id,
    output_modalities,
    prompt_class,
    mean_class,
    length_class,
    max(max_tokens) as max_tokens,
    cast(sum(calls) as bigint) as calls,
    cast(sum(prompt_tokens) as bigint) as prompt_tokens,
    cast(sum(completion_tokens) as bigint) as completion_tokens,
    cast(sum(cached_low) as bigint) as cached_low,
    cast(sum(cached_high) as bigint) as cached_high,
    cast(sum(cache_write_low) as bigint) as cache_write_low,
    cast(sum(cache_write_tokens) as bigint) as cache_write_tokens,
    cast(sum(cache_write_high) as bigint) as cache_write_high,
    sum(extra_usd) as extra_usd,
    {{ own_sum('paid_usd') }} as paid_usd
from {{ ref('int_own__costs') }}
where not is_failed_free
group by source, date, model_permaslug, model_id, output_modalities, prompt_class, mean_class, length_class
