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

{#- Names of the prices that differ from the previous interval; null for the first interval of an id. -#}
{% macro changed_price_names() -%}
    case
        when previous_prices is not null then
            list_filter(
                [
                    {%- for name in price_names() %}
                    case when {{ name }}_price is distinct from previous_prices.{{ name }} then '{{ name }}' end,
                    {%- endfor %}
                    case when is_dynamic <> previous_prices.is_dynamic then 'is_dynamic' end,
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

{#- Every listed price of a staging row, as an exact decimal. -#}
{% macro exact_price_columns(relation) -%}
    {%- for name in price_names() %}
    {{ relation }}.{{ name }}_price{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- All prices of a staging row as one struct, so that two rows can be compared. -#}
{% macro prices_struct() -%}
    {
        {%- for name in price_names() %}
        '{{ name }}': {{ name }}_price,
        {%- endfor %}
        'is_dynamic': is_dynamic,
        'overrides': {{ sorted_overrides('overrides') }}
    }
{%- endmacro %}

{#- Overrides in a fixed order, because the source lists the same ones in varying order. -#}
{% macro sorted_overrides(overrides) -%}
    list_sort({{ overrides }})
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
