{#- Names, units and comparison of prices. All columns `…_price` are in USD, most of them per token. -#}

{#- Names of the prices per token that a model's text tokens can be charged at. -#}
{% macro token_price_names() -%}
    {{ return(['prompt', 'completion', 'cache_read', 'cache_write', 'cache_write_1h']) }}
{%- endmacro %}

{#-
    Lowest (list_min) or highest (list_max) of a model's token prices and their overrides. No split of its tokens can
    cost less or more.
-#}
{% macro extreme_token_price(aggregate) -%}
    {{ aggregate }}(
        list_filter(
            flatten([
                {%- for name in token_price_names() %}
                [{{ name }}_price], list_transform(overrides, lambda o: o.{{ price_names()[name] }})
                {{- ',' if not loop.last }}
                {%- endfor %}
            ]),
            lambda price: price >= 0
        )
    )
{%- endmacro %}

{#- Every price that the source lists for a model: name in staging → name in the source. -#}
{% macro price_names() -%}
    {{ return({
        'prompt': 'prompt',
        'completion': 'completion',
        'cache_read': 'input_cache_read',
        'cache_write': 'input_cache_write',
        'cache_write_1h': 'input_cache_write_1h',
        'internal_reasoning': 'internal_reasoning',
        'audio': 'audio',
        'audio_output': 'audio_output',
        'audio_cache': 'input_audio_cache',
        'image_token': 'image_token',
        'image_output': 'image_output',
        'image': 'image',
        'request': 'request',
        'web_search': 'web_search',
        'discount': 'discount',
    }) }}
{%- endmacro %}

{#- Names of the prices per request, image or search, and of the discount (a fraction); all others are per token. -#}
{% macro unit_price_names() -%}
    {{ return(['image', 'request', 'web_search', 'discount']) }}
{%- endmacro %}

{#- USD per token → USD per million tokens. -#}
{% macro usd_per_mtok(price) -%}
    cast({{ price }} * 1000000 as double)
{%- endmacro %}

{#-
    USD per token for a split of tokens: phi (φ) is the completion share of all tokens, kappa (κ) the cached share of
    prompt tokens. (1−φ)·[(1−κ)·prompt + κ·cache_read] + φ·completion; without a cache price, κ = 0.
-#}
{% macro blended_price(prompt, completion, cache_read, phi, kappa) -%}
    cast(
        (1 - {{ phi }}) * (
            {{ prompt }} + {{ kappa }} * (coalesce({{ cache_read }}, {{ prompt }}) - {{ prompt }})
        ) + {{ phi }} * {{ completion }} as decimal(38, 24)
    )
{%- endmacro %}

{#- Every listed price of a row as a double, in a column named with its unit. -#}
{% macro price_columns_with_units() -%}
    {%- for name in price_names() %}
    {% if name == 'discount' -%}
    cast(discount_price as double) as discount
    {%- elif name in unit_price_names() -%}
    cast({{ name }}_price as double) as {{ name }}_usd
    {%- else -%}
    {{ usd_per_mtok(name ~ '_price') }} as {{ name }}_usd_per_mtok
    {%- endif -%}
    {{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#-
    Names of the prices, and of the other columns in prices_struct, that differ from the previous interval; null for the
    first interval.
-#}
{% macro changed_price_names(also) -%}
    case
        when previous_prices is not null then
            list_filter(
                [
                    {%- for name in price_names() %}
                    case when {{ name }}_price is distinct from previous_prices.{{ name }} then '{{ name }}' end,
                    {%- endfor %}
                    {%- for name in also %}
                    case when {{ name }} is distinct from previous_prices.{{ name }} then '{{ name }}' end,
                    {%- endfor %}
                    case when overrides <> previous_prices.overrides then 'overrides' end
                ],
                lambda name: name is not null
            )
    end
{%- endmacro %}

{#- Change in a price since the previous interval, in percent; null if the previous price was missing or 0. -#}
{% macro price_change_pct(name) -%}
    100 * ({{ usd_per_mtok(name ~ '_price') }} / nullif({{ usd_per_mtok('previous_prices.' ~ name) }}, 0) - 1)
{%- endmacro %}

{#- Changes in all token prices that changed, in percent. -#}
{% macro token_price_changes_pct() -%}
    list_filter(
        [
            {%- for name in token_price_names() %}
            {{ price_change_pct(name) }}{{ ',' if not loop.last }}
            {%- endfor %}
        ],
        lambda change: change <> 0
    )
{%- endmacro %}

{#- The change with the largest absolute value in a list of changes; null if the list is empty. -#}
{% macro largest_change(changes) -%}
    case
        when -list_min({{ changes }}) > list_max({{ changes }}) then list_min({{ changes }})
        else list_max({{ changes }})
    end
{%- endmacro %}

{#- Token prices of the previous interval, in USD per million tokens. -#}
{% macro previous_price_columns() -%}
    {%- for name in ['prompt', 'completion', 'cache_read', 'cache_write'] %}
    {{ usd_per_mtok('previous_prices.' ~ name) }} as previous_{{ name }}_usd_per_mtok{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- Every listed price of a staging row, as an exact decimal. -#}
{% macro exact_price_columns(relation) -%}
    {%- for name in price_names() %}
    {{ relation }}.{{ name }}_price{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- All prices of a staging row and some other columns as one struct, so that two rows can be compared. -#}
{% macro prices_struct(also) -%}
    {
        {%- for name in price_names() %}
        '{{ name }}': {{ name }}_price,
        {%- endfor %}
        {%- for name in also %}
        '{{ name }}': {{ name }},
        {%- endfor %}
        'overrides': {{ sorted_overrides('overrides') }}
    }
{%- endmacro %}

{#- Overrides in a fixed order, because the source lists the same ones in varying order. -#}
{% macro sorted_overrides(overrides) -%}
    list_sort({{ overrides }})
{%- endmacro %}

{#- Names of the prices that the cost of a call depends on; audio and images have prices of their own. -#}
{% macro call_price_names() -%}
    {{ return(['prompt', 'completion', 'cache_read', 'cache_write', 'cache_write_1h', 'request', 'web_search']) }}
{%- endmacro %}

{#-
    The exact prices of a call as one struct, for cost_usd: the base prices, and `overrides` from the lowest prompt
    length to the highest, then by UTC time. Null if a condition is unknown or a price depends on the route, because the
    cost of a call is then unknown too.
-#}
{% macro call_prices() -%}
    case
        when
            len(list_filter(
                overrides,
                lambda o: o.extra is not null
                or (o.min_prompt_tokens is null and o.utc_start is null and o.utc_end is null)
                {%- for name in call_price_names() %}
                or o.{{ price_names()[name] }} < 0
                {%- endfor %}
            )) > 0
            then null
        else {
            {%- for name in call_price_names() %}
            '{{ name }}': {{ name }}_price,
            {%- endfor %}
            'overrides': list_transform(
                {{ sorted_overrides('overrides') }},
                lambda o: {
                    'min_prompt_tokens': o.min_prompt_tokens,
                    'utc_start': o.utc_start,
                    'utc_end': o.utc_end
                    {%- for name in call_price_names() %},
                    '{{ name }}': o.{{ price_names()[name] }}
                    {%- endfor %}
                }
            )
        }
    end
{%- endmacro %}

{#- The time closest to `moment` at which the prices of an interval were observed. -#}
{% macro nearest_observed_at(interval, moment) -%}
    greatest({{ interval }}.valid_from, least({{ interval }}.last_seen_at, {{ moment }}))
{%- endmacro %}

{#- The higher of two prices divided by the lower; an increase from 0 counts as a factor of 100. -#}
{% macro price_factor(price, previous) -%}
    case
        when {{ previous }} = 0 and {{ price }} > 0 then 100
        else greatest({{ price }} / nullif({{ previous }}, 0), {{ previous }} / nullif({{ price }}, 0))
    end
{%- endmacro %}
