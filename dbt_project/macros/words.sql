{#- Figures in sentences, where engines differ. -#}

{#- 1234567.8 → 1,234,568 -#}
{% macro with_commas(number) -%}
    format('{:,}', cast(round({{ number }}) as bigint))
{%- endmacro %}

{#-
    One unit of the last digit that a sentence shows of a figure. The rule for all sentences: counted tokens have three
    significant digits; USD implied by list prices, an estimate, have two; shares are shown to a tenth of a point from
    1 % up, and with two significant digits below. Prices are shown as listed. orchestration/formatting.py is the same
    rule for sentences that are written in Python.
-#}
{% macro rounding_of(number, unit) -%}
    {%- set magnitude = 'floor(log10(nullif(abs(' ~ number ~ '), 0)))' -%}
    {%- if unit == 'fraction of tokens' -%} least(1e-3, power(10, {{ magnitude }} - 1))
    {%- elif unit == 'tokens' -%} greatest(1, power(10, {{ magnitude }} - 2))
    {%- elif unit == 'USD' -%} greatest(1, power(10, {{ magnitude }} - 1))
    {%- else -%} {{ exceptions.raise_compiler_error("No rounding is defined for the unit '" ~ unit ~ "'.") }}
    {%- endif -%}
{%- endmacro %}

{#- The same where the unit is the column `unit`. -#}
{% macro rounding_of_unit(number) -%}
    case unit
        {% for unit in ['fraction of tokens', 'tokens', 'USD'] -%}
            when '{{ unit }}' then {{ rounding_of(number, unit) }}
        {% endfor -%}
    end
{%- endmacro %}

{#- A figure as a sentence shows it. Engines differ where they round while formatting: it is made a decimal first. -#}
{% macro rounded(number, unit) -%}
    cast(round(cast(cast({{ number }} as double) / {{ rounding_of(number, unit) }} as decimal(18, 6))) as double)
    * {{ rounding_of(number, unit) }}
{%- endmacro %}

{#- A rounded number from 1 to 1,000 with so many significant digits: 12.3; 10.0. -#}
{% macro with_digits(number, digits) -%}
    case
        when {{ number }} >= 100 then printf('%.{{ [digits - 3, 0] | max }}f', {{ number }})
        when {{ number }} >= 10 then printf('%.{{ digits - 2 }}f', {{ number }})
        else printf('%.{{ digits - 1 }}f', {{ number }})
    end
{%- endmacro %}

{#- 0.1234 → 12.3 %; 0.00123 → 0.12 % -#}
{% macro as_percent(fraction) -%}
    {%- set percent = '100 * ' ~ rounded(fraction, 'fraction of tokens') -%}
    case
        when abs({{ percent }}) >= 1 then printf('%.1f %%', {{ percent }})
        when abs({{ percent }}) >= 0.1 then printf('%.2f %%', {{ percent }})
        else printf('%.2g %%', {{ percent }})
    end
{%- endmacro %}

{#- A price before and after, as listed, such as 2 → 1.5; a dash where there is none. -#}
{% macro as_change(before, after) -%}
    coalesce(printf('%.12g', {{ before }}), '–') || ' → ' || coalesce(printf('%.12g', {{ after }}), '–')
{%- endmacro %}

{#- A share in words: exact where it is, or where its bounds read the same; else with its bounds. -#}
{% macro share_in_words() -%}
    case
        when is_complete_observation or {{ as_percent('share') }} = {{ as_percent('share_high') }}
            then {{ as_percent('share') }}
        else 'between ' || {{ as_percent('share') }} || ' and ' || {{ as_percent('share_high') }}
    end
{%- endmacro %}

{#- 1.234e13 → 12.3 trillion; 999999 → 1.00 million -#}
{% macro tokens_in_words(tokens) -%}
    {{ amount_in_words(rounded(tokens, 'tokens'), 3, '') }}
{%- endmacro %}

{#- 1234567.8 → 1.2 million USD; 860981 → 860,000 USD -#}
{% macro usd_in_words(usd) -%}
    {{ amount_in_words(rounded(usd, 'USD'), 2, ' USD') }}
{%- endmacro %}

{#- A rounded amount, such as 12.3 trillion. -#}
{% macro amount_in_words(amount, digits, unit) -%}
    case
        {% for word, size in [('trillion', '1e12'), ('billion', '1e9'), ('million', '1e6')] -%}
            when {{ amount }} >= {{ size }}
                then {{ with_digits(amount ~ ' / ' ~ size, digits) }} || ' {{ word }}{{ unit }}'
        {% endfor -%}
        else {{ with_commas(amount) }} || '{{ unit }}'
    end
{%- endmacro %}

{#- A citation line with the moment of the figure that it stands beside; a line without a moment stays as it is. -#}
{% macro citation_as_of(citation, as_of) -%}
    regexp_replace(
        {{ citation }}, '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]+Z', strftime({{ as_of }}, '%Y-%m-%dT%H:%M:%SZ')
    )
{%- endmacro %}

{#- Who leads each period of a share mart, where nobody else, listed or not, can have had more. -#}
{% macro undisputed_leaders(mart) -%}
    (
        select shares.*
        from {{ ref(mart) }} as shares
        left join {{ ref('int_periods__totals') }} as periods
            on
                periods.ranking = '{{ 'apps' if mart == 'share_app' else 'all' }}'
                and shares.period = periods.period
                and shares.period_start = periods.period_start
        qualify
            shares.rank = 1
            and shares.tokens > greatest(
                max(case when shares.rank > 1 then shares.tokens_high else 0 end) over (
                    partition by shares.period, shares.period_start
                ),
                coalesce(periods.unlisted_member_tokens_high, 0)
            )
    ) as leaders
{%- endmacro %}
