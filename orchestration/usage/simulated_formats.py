"""How each format of logs is written: a file name, options of COPY and a query of the table `truth` of `simulated`.

What a call is and what it costs does not belong here.
"""

from __future__ import annotations

MARK = "gen-simulated-"
_TIME = "strftime(called_at, '%Y-%m-%d %H:%M:%S.%g')"
_OPENROUTER = f"""
    select
        id as generation_id, {_TIME} as created_at, charged_usd as cost_total,
        case when searches > 0 then cut(search_usd) end as cost_web_search, cut(cache_usd) as cost_cache,
        null as cost_file_processing, upstream_usd as byok_usage_inference, prompt_tokens as tokens_prompt,
        completion_tokens as tokens_completion, reasoning_tokens as tokens_reasoning, cached_tokens as tokens_cached,
        base_slug as model_permaslug, provider_name, variant, false as cancelled, true as streamed, null as user,
        case when is_failed then 'error' else 'end_turn' end as finish_reason_raw,
        case when is_failed then 'error' else 'stop' end as finish_reason_normalized,
        400 + 12 * completion_tokens as generation_time_ms, 400 as time_to_first_token_ms,
        false as api_key_disabled, 'simulated' as api_key_name, 'simulated' as app_name
    from truth
"""  # noqa: S608  # constants
# OpenRouter groups by day and endpoint, own keys or not.
_ACTIVITY = f"""
    select
        strftime(called_at, '%Y-%m-%d') as date, model_id as model, model_permaslug,
        concat('{MARK}', left(md5(concat(model_id, ' ', endpoint_tag)), 12)) as endpoint_id, provider_name,
        sum(charged_usd) as usage, sum(upstream_usd) as byok_usage_inference, count(*) as requests,
        sum(prompt_tokens) as prompt_tokens, sum(completion_tokens) as completion_tokens,
        sum(reasoning_tokens) as reasoning_tokens
    from truth
    group by all
    order by all
"""  # noqa: S608  # constants
_LITELLM = """
    select
        id as request_id, 'acompletion' as call_type, 'simulated' as api_key, charged_usd as spend,
        prompt_tokens + completion_tokens as total_tokens, prompt_tokens, completion_tokens,
        strftime(called_at, '%Y-%m-%dT%H:%M:%S.%gZ') as "startTime", concat('openrouter/', model_id) as model,
        'openrouter' as custom_llm_provider, 'False' as cache_hit,
        case when is_failed then 'failure' else 'success' end as status,
        {
            'usage_object': {
                'prompt_tokens': prompt_tokens,
                'completion_tokens': completion_tokens,
                'prompt_tokens_details': {
                    'cached_tokens': cached_tokens,
                    'cache_write_tokens': cache_write_tokens,
                    'cache_creation_tokens': cache_write_tokens
                },
                'completion_tokens_details': {'reasoning_tokens': reasoning_tokens},
                'is_byok': is_own_key,
                'cost_details': {'upstream_inference_cost': case when is_own_key then upstream_usd end}
            }
        } as metadata
    from truth
"""
# An observation has an id of its own, so that nothing but time and counts connects it with the call. Its counts are
# disjoint.
_LANGFUSE = f"""
    select
        concat('{MARK}observation-', md5(id)) as id, 'GENERATION' as type,
        case when is_failed then 'ERROR' else 'DEFAULT' end as level, {_TIME} as start_time, {_TIME} as updated_at,
        model_id as provided_model_name,
        {{
            'input': prompt_tokens - cached_tokens - cache_write_tokens,
            'input_cached_tokens': cached_tokens,
            'input_cache_creation': cache_write_tokens,
            'output': completion_tokens - reasoning_tokens,
            'output_reasoning_tokens': reasoning_tokens,
            'total': prompt_tokens + completion_tokens
        }} as usage_details,
        charged_usd as total_cost
    from truth
"""  # noqa: S608  # constants
_OPEN_TELEMETRY = """
    select
        cast(epoch_ms(called_at) * 1000000 as varchar) as "startTimeUnixNano",
        'chat' as "gen_ai.operation.name", model_id as "gen_ai.request.model", id as "gen_ai.response.id",
        prompt_tokens as "gen_ai.usage.input_tokens", completion_tokens as "gen_ai.usage.output_tokens",
        cached_tokens as "gen_ai.usage.cache_read.input_tokens",
        cache_write_tokens as "gen_ai.usage.cache_creation.input_tokens",
        case when is_failed then 'provider_error' end as "error.type"
    from truth
"""
_PLAIN = f"""
    select
        {_TIME} as time, model_id as model, provider_name as provider, prompt_tokens, cached_tokens,
        cache_write_tokens, completion_tokens, reasoning_tokens, charged_usd as cost_usd, 'simulated' as label
    from truth
"""  # noqa: S608  # constants
# Name → file, options of COPY and query.
LOGS = {
    "openrouter": ("openrouter.csv", "format csv, header", _OPENROUTER),
    "openrouter_parquet": ("openrouter.parquet", "format parquet, compression zstd", _OPENROUTER),
    "activity": ("activity.json", "format json, array true", _ACTIVITY),
    "litellm": ("litellm.jsonl", "format json", _LITELLM),
    "langfuse": ("langfuse.jsonl", "format json", _LANGFUSE),
    "opentelemetry": ("opentelemetry.jsonl", "format json", _OPEN_TELEMETRY),
    "plain": ("plain.csv", "format csv, header", _PLAIN),
}
