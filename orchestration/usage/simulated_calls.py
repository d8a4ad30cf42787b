"""SQL that draws invented calls from the endpoint prices of a release, and charges them.

The release is attached as `release`; its macro `cost_usd` is the formula of a call's cost. The queries run in this
order: MACROS, SLOTS, CALLS. Parameters begin with `$`. Files and formats do not belong here.
"""

from __future__ import annotations

# Random numbers of a call: from 0 to less than `numbers`, a fraction between 0 and 1, and a length with a long tail.
# The outer hash matters: hash(call_no, what) gives numbers that are correlated.
MACROS = """
    create temp macro bits(call_no, what) as hash(xor(hash(call_no), hash(concat(what, ' ', {seed}))));
    create temp macro pick(call_no, what, numbers) as cast(bits(call_no, what) % numbers as bigint);
    create temp macro fraction(call_no, what) as (cast(bits(call_no, what) >> 11 as double) + 0.5) / 2 ^ 53;
    create temp macro log_normal(call_no, what, median, sigma) as median * exp(
        sigma * sqrt(-2 * ln(fraction(call_no, what))) * cos(2 * pi() * fraction(call_no, concat(what, ' angle')))
    );
    create temp macro cut(amount) as cast(trunc(amount, 6) as decimal(18, 6))
"""
# Prices of endpoints that are certain from one millisecond to another, because a response at each end has them.
_INTERVALS = """
    select
        history.model_id, models.model_permaslug, models.base_slug, models.variant,
        history.provider_name, history.endpoint_tag, history.valid_from, history.prices,
        coalesce(history.context_length, 1000000) as context_length,
        list_filter(
            list_transform((history.prices).overrides, lambda one: one.min_prompt_tokens),
            lambda threshold: threshold is not null
        ) as thresholds,
        greatest((epoch_us(history.valid_from) + 999) // 1000, $since) as from_ms,
        least(epoch_us(history.last_seen_at) // 1000, $until - 1) as to_ms
    from release.main.price_endpoint_history as history
    inner join release.main.model as models using (model_id)
    where
        list_contains(models.output_modalities, 'text')
        and (len($models) = 0 or list_contains($models, history.model_id))
        and (
            ((history.prices).prompt > 0 and (history.prices).completion is not null)
            or ((history.prices).prompt = 0 and (history.prices).completion = 0)
        )
        and to_ms >= from_ms
"""
# Few models make up most calls, as on any router, and a model of many endpoints is likely to be one of them. Each
# interval has at least one slot, and a call draws a slot.
SLOTS = f"""
    create temp table slots as
    with intervals as ({_INTERVALS}),
    ranked as (
        select
            model_id,
            1 / row_number() over (order by ln(fraction(0, model_id)) / count(distinct endpoint_tag) desc, model_id)
                as weight
        from intervals
        group by model_id
    ),
    weighted as (
        select
            intervals.*,
            ranked.weight / (select sum(weight) from ranked)
                * (to_ms - from_ms + 3600000) / sum(to_ms - from_ms + 3600000) over (partition by model_id) as share
        from intervals
        inner join ranked using (model_id)
    )
    select
        * exclude (share),
        row_number() over (order by model_id, provider_name, endpoint_tag, valid_from, copy_no) - 1 as slot_no
    from weighted
    cross join unnest(range(greatest(1, cast(round(share * 65536) as bigint)))) as copies (copy_no)
"""  # noqa: S608  # constants
CALLS = """
    with placed as (
        select
            numbered.range as call_no,
            slots.*,
            make_timestamp(
                1000 * (from_ms + cast(floor(fraction(numbered.range, 'time') * (to_ms - from_ms + 1)) as bigint))
            ) as called_at
        from range($calls) as numbered
        inner join slots on slots.slot_no = pick(numbered.range, 'slot', $slots)
    ),
    drawn as (
        select
            *,
            fraction(call_no, 'failure') < $failed_share as is_failed,
            fraction(call_no, 'own key') < $own_key_share as has_own_key,
            case
                when is_failed then 0
                when $is_tiny then pick(call_no, 'completion', 6)
                else least(floor(log_normal(call_no, 'completion', 250, 1.4)), context_length // 4)
            end as answered,
            -- Some prompts are as long as a threshold or one token longer: a price changes strictly above it.
            case
                when $is_tiny then 1 + pick(call_no, 'prompt', 8)
                when len(thresholds) > 0 and fraction(call_no, 'threshold') < 0.02
                    then thresholds[1 + pick(call_no, 'which', len(thresholds))] + pick(call_no, 'above', 2)
                else floor(log_normal(call_no, 'prompt', 1500, 2))
            end as given
        from placed
    ),
    counted as (
        select
            *,
            cast(answered as bigint) as completion_tokens,
            cast(greatest(1, least(given, context_length - answered)) as bigint) as prompt_tokens,
            cast(case
                when is_failed then 0
                when fraction(call_no, 'read') < case when (prices).cache_read is null then 0.02 else 0.4 end
                    then floor(prompt_tokens * fraction(call_no, 'cached'))
                else 0
            end as bigint) as cached_tokens,
            cast(case
                when not is_failed and (prices).cache_write is not null and fraction(call_no, 'write') < 0.3
                    then floor((prompt_tokens - cached_tokens) * fraction(call_no, 'written'))
                else 0
            end as bigint) as cache_write_tokens,
            cast(case
                when fraction(call_no, 'reasons') < 0.3
                    then floor(completion_tokens * fraction(call_no, 'reasoning'))
                else 0
            end as bigint) as reasoning_tokens,
            -- With an own key, the provider charges the tokens and OpenRouter the searches; no log keeps them apart.
            case
                when (prices).web_search is not null and not (is_failed or has_own_key or $is_tiny)
                    and fraction(call_no, 'search') < $search_share
                    then cast(1 + pick(call_no, 'searches', 3) as bigint)
                else 0
            end as searches
        from drawn
    ),
    charged as (
        select
            *,
            case
                when is_failed then 0
                else release.main.cost_usd(
                    prices, prompt_tokens, completion_tokens, cached_tokens := cached_tokens,
                    cache_written_tokens := cache_write_tokens, time_utc := called_at
                )
            end as tokens_usd,
            case
                when cached_tokens + cache_write_tokens = 0 then 0
                else tokens_usd
                    - release.main.cost_usd(prices, prompt_tokens, completion_tokens, time_utc := called_at)
            end as cache_usd,
            case
                when searches = 0 then 0
                else release.main.cost_usd(
                    prices, prompt_tokens, completion_tokens, searches := searches, time_utc := called_at
                ) - release.main.cost_usd(prices, prompt_tokens, completion_tokens, time_utc := called_at)
            end as search_usd,
            -- A log shows an own key by the provider's charge, so there is none if that is cut to 0.
            has_own_key and cut(tokens_usd) > 0 as is_own_key
        from counted
    )
    select
        concat($prefix, lpad(cast(call_no as varchar), 10, '0')) as id,
        called_at, model_permaslug, base_slug, variant, model_id, provider_name, endpoint_tag, valid_from,
        prompt_tokens, cached_tokens, cache_write_tokens, completion_tokens, reasoning_tokens, searches,
        cast(tokens_usd + search_usd as decimal(38, 24)) as cost_usd,
        cast(cache_usd as decimal(38, 24)) as cache_usd,
        cast(search_usd as decimal(38, 24)) as search_usd,
        cut(case when is_own_key then tokens_usd * $own_key_fee else tokens_usd + search_usd end) as charged_usd,
        cut(case when is_own_key then tokens_usd else 0 end) as upstream_usd,
        is_own_key,
        is_failed
    from charged
"""
