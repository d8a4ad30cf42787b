{#- Per-token prices that any split of a model's tokens can be charged at. -#}
{% macro token_prices() -%}
    {{ return(['prompt', 'completion', 'cache_read', 'cache_write', 'cache_write_1h']) }}
{%- endmacro %}

{#- Least or greatest of a model's token prices and their overrides: no split of its tokens costs less or more. -#}
{% macro all_token_prices(aggregate) -%}
    {{ aggregate }}(
        list_filter(
            flatten([
                {%- for name in token_prices() %}
                [{{ name }}_price], list_transform(overrides, lambda o: o.{{ listed_prices()[name] }})
                {{- ',' if not loop.last }}
                {%- endfor %}
            ]),
            lambda price: price >= 0
        )
    )
{%- endmacro %}

{#- Every price the source lists for a model: name in staging → name at the source. -#}
{% macro listed_prices() -%}
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

{#- Prices quoted per request, image or search, or as a fraction; all others are per token. -#}
{% macro unit_prices() -%}
    {{ return(['image', 'request', 'web_search', 'discount']) }}
{%- endmacro %}

{#- USD per token → USD per million tokens. -#}
{% macro usd_per_mtok(price) -%}
    cast({{ price }} * 1000000 as double)
{%- endmacro %}

{#-
    USD per token of a mix: phi = completion share of tokens, kappa = cached share of prompt tokens.
    (1−φ)·[(1−κ)·prompt + κ·cache_read] + φ·completion; without a cache price κ = 0.
-#}
{% macro blended(prompt, completion, cache_read, phi, kappa) -%}
    cast(
        (1 - {{ phi }}) * (
            {{ prompt }} + {{ kappa }} * (coalesce({{ cache_read }}, {{ prompt }}) - {{ prompt }})
        ) + {{ phi }} * {{ completion }} as decimal(38, 24)
    )
{%- endmacro %}

{#- Every listed price of a row, named with its unit. -#}
{% macro shown_prices() -%}
    {%- for name in listed_prices() %}
    {% if name == 'discount' -%}
    cast(discount_price as double) as discount
    {%- elif name in unit_prices() -%}
    cast({{ name }}_price as double) as {{ name }}_usd
    {%- else -%}
    {{ usd_per_mtok(name ~ '_price') }} as {{ name }}_usd_per_mtok
    {%- endif -%}
    {{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- Names of the prices that differ from the interval before, null for an id's first one. -#}
{% macro changed_prices() -%}
    case
        when previous_prices is not null then
            list_filter(
                [
                    {%- for name in listed_prices() %}
                    case when {{ name }}_price is distinct from previous_prices.{{ name }} then '{{ name }}' end,
                    {%- endfor %}
                    case when is_dynamic <> previous_prices.is_dynamic then 'is_dynamic' end,
                    case when overrides <> previous_prices.overrides then 'overrides' end
                ],
                lambda name: name is not null
            )
    end
{%- endmacro %}

{#- Change of a price against the interval before, in percent; null from nothing or from free. -#}
{% macro change_pct(name) -%}
    100 * ({{ usd_per_mtok(name ~ '_price') }} / nullif({{ usd_per_mtok('previous_prices.' ~ name) }}, 0) - 1)
{%- endmacro %}

{#- Changes of all token prices in percent, those that did not change left out. -#}
{% macro token_price_changes_pct() -%}
    list_filter(
        [
            {%- for name in token_prices() %}
            {{ change_pct(name) }}{{ ',' if not loop.last }}
            {%- endfor %}
        ],
        lambda change: change <> 0
    )
{%- endmacro %}

{#- The exact prices of a row of staging. -#}
{% macro listed_price_columns(relation) -%}
    {%- for name in listed_prices() %}
    {{ relation }}.{{ name }}_price{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- All that is charged for a row of staging, as one value that can be compared. -#}
{% macro all_that_is_charged() -%}
    {
        {%- for name in listed_prices() %}
        '{{ name }}': {{ name }}_price,
        {%- endfor %}
        'is_dynamic': is_dynamic,
        'overrides': {{ sorted_overrides('overrides') }}
    }
{%- endmacro %}

{#- Overrides in one order: the source lists the same ones in any. -#}
{% macro sorted_overrides(overrides) -%}
    list_sort({{ overrides }})
{%- endmacro %}

{#- Of an interval of prices, the observation nearest to a moment. -#}
{% macro nearest_observation(interval, moment) -%}
    greatest({{ interval }}.valid_from, least({{ interval }}.last_seen_at, {{ moment }}))
{%- endmacro %}

{#- How many times one price is the other, the greater by the less; from nothing counts as a hundredfold. -#}
{% macro factor(price, previous) -%}
    case
        when {{ previous }} = 0 and {{ price }} > 0 then 100
        else greatest({{ price }} / nullif({{ previous }}, 0), {{ previous }} / nullif({{ price }}, 0))
    end
{%- endmacro %}
