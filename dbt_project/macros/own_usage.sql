{#- Own usage: a user's calls and what they cost. -#}

{#- Order of sources that report the same call: OpenRouter itself, a gateway, and then traces. -#}
{% macro own_source_rank(source) -%}
    case when {{ source }} in ('openrouter', 'activity') then 1 when {{ source }} = 'litellm' then 2 else 3 end
{%- endmacro %}

{#- Names of the prices that the tokens of a call cost. -#}
{% macro own_price_names() -%}
    {{ return(['prompt', 'cache_read', 'cache_write', 'completion', 'request']) }}
{%- endmacro %}

{#- The lowest and the highest of each price of an offer. -#}
{% macro own_offer_columns(relation=none) -%}
    {%- for name in own_price_names() -%}
    {%- for bound in ['low', 'high'] -%}
    {{ relation ~ '.' if relation }}{{ name }}_price_{{ bound }}{{ ', ' if not loop.last }}
    {%- endfor -%}
    {{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- The least or the greatest price of an offer for tokens that may be charged in several ways. -#}
{% macro own_any_price(bound, prices, names) -%}
    {{ 'least' if bound == 'low' else 'greatest' }}(
        {%- for name in names -%}{{ prices }}{{ name }}_price_{{ bound }}{{ ', ' if not loop.last }}{%- endfor -%}
    )
{%- endmacro %}

{#- Numbers of the offers whose prices int_own__buckets has in columns. -#}
{% macro own_first_offers() -%}
    {{ return([1, 2, 3, 4]) }}
{%- endmacro %}

{#-
    The prices of an offer as doubles, for own_explains: name → expression. No charge is as low as the cost at an unknown
    price. `extra` is what a token from or to the cache costs beyond the prompt price.
-#}
{% macro own_offer_prices() -%}
    {%- set prices = {} -%}
    {%- for bound in ['low', 'high'] -%}
        {%- for name in own_price_names() -%}
            {%- set price = name ~ '_price_' ~ bound -%}
            {%- do prices.update({price: 'coalesce(cast(' ~ price ~ ' as double), -1e9)'}) -%}
        {%- endfor -%}
        {%- for part, names in {
            'uncached': ['prompt', 'cache_write'], 'unknown': ['prompt', 'cache_read', 'cache_write']
        }.items() -%}
            {%- do prices.update({
                part ~ '_price_' ~ bound: 'cast(' ~ own_any_price(bound, '', names) ~ ' as double)'
            }) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set write_extra = prices.cache_write_price_low ~ ' - ' ~ prices.prompt_price_low -%}
    {%- do prices.update({
        'cache_read_extra': prices.cache_read_price_low ~ ' - ' ~ prices.prompt_price_low,
        'cache_write_extra_low': 'least(0, ' ~ write_extra ~ ')',
        'cache_write_extra_high': 'greatest(0, ' ~ write_extra ~ ')',
    }) -%}
    {{ return(prices) }}
{%- endmacro %}

{#- A number of tokens times a price; none cost nothing, even if their price is unknown. -#}
{% macro own_amount(tokens, price) -%}
    case when {{ tokens }} = 0 then 0 else {{ tokens }} * {{ price }} end
{%- endmacro %}

{#-
    The tokens of a prompt by what they may be charged at; `tokens` is a prefix of the columns. Where the log does not report
    how many tokens were read from the cache (`unknown`) or written to it (`uncached`), any number is possible; where it
    reports the charge for the cache (cache_usd), that charge is added to all tokens at the prompt price.
-#}
{% macro own_prompt_parts(tokens) -%}
    {%- set prompt, cached, written, cache_usd = tokens ~ 'prompt_tokens', tokens ~ 'cached_tokens',
        tokens ~ 'cache_write_tokens', tokens ~ 'cache_usd' -%}
    {{ return({
        'prompt':
            'case when ' ~ cache_usd ~ ' is not null then ' ~ prompt
            ~ ' else coalesce(' ~ prompt ~ ' - ' ~ cached ~ ' - ' ~ written ~ ', 0) end',
        'cache_read': 'case when ' ~ cache_usd ~ ' is null then coalesce(' ~ cached ~ ', 0) else 0 end',
        'cache_write':
            'case when ' ~ cache_usd ~ ' is null and ' ~ cached ~ ' is not null then coalesce(' ~ written
            ~ ', 0) else 0 end',
        'uncached':
            'case when ' ~ cache_usd ~ ' is null and ' ~ written ~ ' is null then coalesce(' ~ prompt ~ ' - ' ~ cached
            ~ ', 0) else 0 end',
        'unknown': 'case when ' ~ cache_usd ~ ' is null and ' ~ cached ~ ' is null then ' ~ prompt ~ ' else 0 end',
    }) }}
{%- endmacro %}

{#-
    Lowest (bound = 'low') or highest ('high') cost of tokens at the prices of an offer. `tokens` and `prices` are prefixes
    of the columns.
-#}
{% macro own_cost_bound(bound, tokens, prices) -%}
    {%- set price = {
        'uncached': own_any_price(bound, prices, ['prompt', 'cache_write']),
        'unknown': own_any_price(bound, prices, ['prompt', 'cache_read', 'cache_write']),
    } -%}
    {%- for name, number in own_prompt_parts(tokens).items() %}
    {{ '+ ' if not loop.first }}{{ own_amount('(' ~ number ~ ')', price[name] or prices ~ name ~ '_price_' ~ bound) }}
    {%- endfor %}
    + coalesce({{ tokens }}cache_usd, 0)
    + {{ own_amount(tokens ~ 'completion_tokens', prices ~ 'completion_price_' ~ bound) }}
    + {{ tokens }}calls * {{ prices }}request_price_{{ bound }}
{%- endmacro %}

{#- The parts of own_cost_bound as doubles, in columns for own_explains. -#}
{% macro own_call_parts(tokens) -%}
    {%- for name, number in own_prompt_parts(tokens).items() %}
    cast({{ number }} as double) as {{ name }}_part,
    {%- endfor %}
    cast({{ tokens }}completion_tokens as double) as completion_part,
    cast({{ tokens }}explained_usd - coalesce({{ tokens }}cache_usd, 0) as double) as tokens_usd,
    cast({{ tokens }}cache_usd as double) as cache_part_usd,
    -- With a charge for the cache, which is cut as well, the charge may lie further below the cost, or above it.
    case when {{ tokens }}cache_usd is null then 1 else 2 end * {{ own_rounding_usd(tokens) }} as low_rounding,
    case when {{ tokens }}cache_usd is null then 1e-9 else {{ own_rounding_usd(tokens) }} end as high_rounding
{%- endmacro %}

{#-
    Whether a charge is what a row of a log costs at an offer, with the prices of own_offer_prices: it is the cost, cut to 6
    decimals for each call. The tokens that a charge for the cache shows to be written must fit into the prompt.
-#}
{% macro own_explains(call, offer) -%}
    {%- for bound in ['low', 'high'] %}
    {{ 'and ' if not loop.first }}{{ call }}tokens_usd
        - case
            when {{ call }}cache_part_usd is not null then {{ call }}prompt_part * {{ offer }}prompt_price_{{ bound }}
            when {{ call }}cached_tokens is null then {{ call }}unknown_part * {{ offer }}unknown_price_{{ bound }}
            else
                {%- for name in ['prompt', 'cache_read', 'cache_write', 'uncached'] %}
                {{ '+ ' if not loop.first }}{{ call }}{{ name }}_part * {{ offer }}{{ name }}_price_{{ bound }}
                {%- endfor %}
        end
        - {{ call }}completion_part * {{ offer }}completion_price_{{ bound }}
        - {{ call }}calls * {{ offer }}request_price_{{ bound }}
        {{ '> -' if bound == 'low' else '<' }} {{ call }}{{ bound }}_rounding
    {%- endfor %}
    {%- set written_usd = call ~ 'cache_part_usd - ' ~ call ~ 'cached_tokens * ' ~ offer ~ 'cache_read_extra' -%}
    {%- set uncached_tokens = '(' ~ call ~ 'prompt_tokens - ' ~ call ~ 'cached_tokens)' %}
    and (
        {{ call }}cache_part_usd is null
        or {{ written_usd }}
        between {{ uncached_tokens }} * {{ offer }}cache_write_extra_low - {{ own_rounding_usd(call) }}
        and {{ uncached_tokens }} * {{ offer }}cache_write_extra_high + {{ own_rounding_usd(call) }}
    )
{%- endmacro %}

{#- A charge in a log is cut to 6 decimals, and so is its part for the cache. Doubles need some room of their own. -#}
{% macro own_rounding_usd(tokens) -%}
    (1e-6 * {{ tokens }}calls + 1e-9)
{%- endmacro %}

{#-
    Class of a call's length: each power of 2 has four classes, and calls of up to 4,096 tokens are one class, because no
    model has a smaller context window.
-#}
{% macro own_length_class(tokens) -%}
    cast(ceil(4 * log2(greatest({{ tokens }}, 4096))) as integer)
{%- endmacro %}

{#- Cost of tokens at prices, if these many of them were read from the cache and written to it. -#}
{% macro own_cost_of(tokens, prices, cached_tokens, cache_write_tokens) -%}
    {{ own_amount('(' ~ tokens ~ 'prompt_tokens - ' ~ cached_tokens ~ ' - ' ~ cache_write_tokens ~ ')', prices ~ 'prompt_price') }}
    + {{ own_amount(cached_tokens, prices ~ 'cache_read_price') }}
    + {{ own_amount(cache_write_tokens, prices ~ 'cache_write_price') }}
    + {{ own_amount(tokens ~ 'completion_tokens', prices ~ 'completion_price') }}
    + {{ tokens }}calls * {{ prices }}request_price
{%- endmacro %}

{#- A number of tokens, at least 0 and at most `most`. -#}
{% macro own_limited(tokens, most) -%}
    cast(least(greatest({{ tokens }}, 0), {{ most }}) as bigint)
{%- endmacro %}

{#- An amount of money with the precision of the marts. -#}
{% macro own_usd(amount) -%}
    cast({{ amount }} as decimal(38, 12))
{%- endmacro %}

{#- The columns that identify a row of own_usage and own_cost. -#}
{% macro own_row_key(relation=none) -%}
    {%- for name in ['date', 'model_permaslug', 'provider_name', 'source', 'label', 'is_own_key'] -%}
    {{ relation ~ '.' if relation }}{{ name }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- The sum of a column, or null if it is unknown for some row. -#}
{% macro own_sum(column) -%}
    case when count({{ column }}) = count(*) then sum({{ column }}) end
{%- endmacro %}

{#- The value of a column if all rows agree, otherwise mixed. -#}
{% macro own_common(column) -%}
    case when min({{ column }}) = max({{ column }}) then min({{ column }}) else 'mixed' end
{%- endmacro %}

{#-
    Lowest (bound = 'low') or highest ('high') cost of tokens at prices that are ranges, `…_price_low` to `…_price_high`:
    with as many tokens from and to the cache as the log may mean, or with none.
-#}
{% macro own_cost_corner(bound, tokens, prices) -%}
    {%- set price = {} -%}
    {%- for name in own_price_names() -%}
        {%- do price.update({name: prices ~ name ~ '_price_' ~ bound}) -%}
    {%- endfor -%}
    {%- set pick = 'least' if bound == 'low' else 'greatest' -%}
    {{ own_amount(tokens ~ 'prompt_tokens', price.prompt) }}
    {%- for name, number in {'cache_read': 'cached', 'cache_write': 'cache_write'}.items() %}
    {%- set difference = '(' ~ price[name] ~ ' - ' ~ price.prompt ~ ')' %}
    + {{ pick }}(0, {{ tokens }}{{ number }}_low * {{ difference }}, {{ tokens }}{{ number }}_high * {{ difference }})
    {%- endfor %}
    + {{ own_amount(tokens ~ 'completion_tokens', price.completion) }}
    + {{ tokens }}calls * {{ price.request }}
{%- endmacro %}
