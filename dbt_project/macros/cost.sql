{#-
    What a call costs at exact prices, in USD. The same arithmetic is the macro cost_usd of the published DuckDB file.
-#}

{#-
    Cost of a call as a decimal in USD. `prices` is a struct from call_prices. prompt_tokens includes cached_tokens (read
    from the cache) and cache_written_tokens; completion_tokens includes reasoning. Without a price for the cache, its
    tokens cost as much as others. searches are charged one by one. `time_utc` is the time of the call, as TIME or
    TIMESTAMP in UTC; if it is null, prices of a time of day do not apply.

    Null if a price that the call needs is unknown, if a count is negative or null, or if the parts of the prompt are
    longer than the prompt.
-#}
{% macro cost_usd(
    prices, prompt_tokens, completion_tokens, cached_tokens, cache_written_tokens, searches, time_utc
) -%}
    {%- set uncached = prompt_tokens ~ ' - ' ~ cached_tokens ~ ' - ' ~ cache_written_tokens -%}
    {%- set prompt_price = price_in_effect(prices, 'prompt', prompt_tokens, time_utc) -%}
    case
        when
            least({{ uncached }}, {{ cached_tokens }}, {{ cache_written_tokens }}, {{ completion_tokens }}, {{ searches }}) >= 0
            and {{ prices }} is not null
            then
                {{ amount(uncached, prompt_price) }}
                {%- for name, tokens in {'cache_read': cached_tokens, 'cache_write': cache_written_tokens}.items() %}
                + {{ amount(
                    tokens,
                    'coalesce(' ~ price_in_effect(prices, name, prompt_tokens, time_utc) ~ ', ' ~ prompt_price ~ ')',
                ) }}
                {%- endfor %}
                {%- for name, number in {'completion': completion_tokens, 'web_search': searches}.items() %}
                + {{ amount(number, price_in_effect(prices, name, prompt_tokens, time_utc)) }}
                {%- endfor %}
                + coalesce({{ price_in_effect(prices, 'request', prompt_tokens, time_utc) }}, 0)
    end
{%- endmacro %}

{#- A number of tokens or searches at a price; none cost nothing, even if their price is unknown. -#}
{% macro amount(number, price) -%}
    case when {{ number }} = 0 then 0 else cast({{ number }} as bigint) * {{ price }} end
{%- endmacro %}

{#-
    A price under the conditions of a call: of the overrides that apply and name it, the last one counts, or else the
    base price. A prompt must be longer than min_prompt_tokens, and then all its tokens have that price. A time range
    [utc_start, utc_end), as HHMM, may pass midnight.
-#}
{% macro price_in_effect(prices, name, prompt_tokens, time_utc) -%}
    {%- set time = 'cast(' ~ time_utc ~ ' as time)' -%}
    {%- set hhmm = '100 * extract(hour from ' ~ time ~ ') + extract(minute from ' ~ time ~ ')' -%}
    coalesce(
        list_filter(
            ({{ prices }}).overrides,
            lambda o: o.{{ name }} is not null
            and (o.min_prompt_tokens is null or {{ prompt_tokens }} > o.min_prompt_tokens)
            and (
                (o.utc_start is null and o.utc_end is null)
                or coalesce(
                    case
                        when coalesce(o.utc_start, 0) <= coalesce(o.utc_end, 2400)
                            then {{ hhmm }} >= coalesce(o.utc_start, 0) and {{ hhmm }} < coalesce(o.utc_end, 2400)
                        else {{ hhmm }} >= o.utc_start or {{ hhmm }} < o.utc_end
                    end,
                    false
                )
            )
        )[-1].{{ name }},
        ({{ prices }}).{{ name }}
    )
{%- endmacro %}
