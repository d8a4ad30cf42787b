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

{#- An offer's number and prices as a struct of doubles. -#}
{% macro own_offer_as_doubles() -%}
    {
        'no': offer_no
        {%- for name in own_price_names() -%}
        {%- for bound in ['low', 'high'] %},
        '{{ name }}_price_{{ bound }}': cast({{ name }}_price_{{ bound }} as double)
        {%- endfor -%}
        {%- endfor %}
    }
{%- endmacro %}

{#- A number of tokens times a price; none cost nothing, even if their price is unknown. -#}
{% macro own_amount(tokens, price) -%}
    case when {{ tokens }} = 0 then 0 else {{ tokens }} * {{ price }} end
{%- endmacro %}

{#-
    Lowest (bound = 'low') or highest ('high') cost of tokens at the prices of an offer. `tokens` and `prices` are prefixes
    of the columns. Where the log does not report how many tokens were read from the cache or written to it, any number
    is possible; where it reports the charge for the cache (cache_usd), that charge is part of the cost.
-#}
{% macro own_cost_bound(bound, tokens, prices) -%}
    {%- set pick = 'least' if bound == 'low' else 'greatest' -%}
    {%- set price = {} -%}
    {%- for name in own_price_names() -%}
        {%- do price.update({name: prices ~ name ~ '_price_' ~ bound}) -%}
    {%- endfor -%}
    case
        when {{ tokens }}cache_usd is not null
            then {{ own_amount(tokens ~ 'prompt_tokens', price.prompt) }} + {{ tokens }}cache_usd
        when {{ tokens }}cached_tokens is null
            then {{ own_amount(
                tokens ~ 'prompt_tokens',
                pick ~ '(' ~ price.prompt ~ ', ' ~ price.cache_read ~ ', ' ~ price.cache_write ~ ')',
            ) }}
        when {{ tokens }}cache_write_tokens is null
            then {{ own_amount(tokens ~ 'cached_tokens', price.cache_read) }}
            + {{ own_amount(
                '(' ~ tokens ~ 'prompt_tokens - ' ~ tokens ~ 'cached_tokens)',
                pick ~ '(' ~ price.prompt ~ ', ' ~ price.cache_write ~ ')',
            ) }}
        else
            {{ own_amount(
                '(' ~ tokens ~ 'prompt_tokens - ' ~ tokens ~ 'cached_tokens - ' ~ tokens ~ 'cache_write_tokens)',
                price.prompt,
            ) }}
            + {{ own_amount(tokens ~ 'cached_tokens', price.cache_read) }}
            + {{ own_amount(tokens ~ 'cache_write_tokens', price.cache_write) }}
    end
    + {{ own_amount(tokens ~ 'completion_tokens', price.completion) }}
    + {{ tokens }}calls * {{ price.request }}
{%- endmacro %}

{#- A charge in a log is cut to 6 decimals, and so is its part for the cache. Doubles need some room of their own. -#}
{% macro own_rounding_usd(tokens) -%}
    (1e-6 * {{ tokens }}calls + 1e-9)
{%- endmacro %}

{#-
    Whether a charge is what tokens cost at prices: it is the cost, cut to 6 decimals for each call. With a charge for the
    cache, the tokens that were written to it follow, and they cannot be negative or exceed the prompt.
-#}
{% macro own_explains(usd, tokens, prices) -%}
    {%- set rounding = own_rounding_usd(tokens) -%}
    {%- set written_usd =
        tokens ~ 'cache_usd - ' ~ tokens ~ 'cached_tokens * (' ~ prices ~ 'cache_read_price_low - ' ~ prices
        ~ 'prompt_price_low)'
    -%}
    {%- set most_usd =
        '(' ~ tokens ~ 'prompt_tokens - ' ~ tokens ~ 'cached_tokens) * (' ~ prices
        ~ 'cache_write_price_low - ' ~ prices ~ 'prompt_price_low)'
    -%}
    {{ usd }} > {{ own_cost_bound('low', tokens, prices) }}
        - case when {{ tokens }}cache_usd is null then 1 else 2 end * {{ rounding }}
    and {{ usd }} < {{ own_cost_bound('high', tokens, prices) }}
        + case when {{ tokens }}cache_usd is null then 1e-9 else {{ rounding }} end
    and (
        {{ tokens }}cache_usd is null
        or {{ written_usd }} between least(0, {{ most_usd }}) - {{ rounding }} and greatest(0, {{ most_usd }}) + {{ rounding }}
    )
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
