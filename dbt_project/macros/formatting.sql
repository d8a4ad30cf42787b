{#-
    Figures, dates and citation lines as sentences show them, with the same rules as orchestration/formatting.py, which
    sentences written in Python use. Where engines differ, the macro is dispatched.
-#}

{#-
    One unit of the last digit of a figure that a sentence shows. All sentences follow the same rule: token counts have
    three significant digits; USD implied by list prices, an estimate, have two; shares of 1% and more are shown to a
    tenth of a percentage point, smaller ones with two significant digits. Prices are shown as listed.
-#}
{% macro rounding_of(number, unit) -%}
    {%- set magnitude = 'floor(log10(nullif(abs(' ~ number ~ '), 0)))' -%}
    {%- if unit == 'fraction of tokens' -%} least(1e-3, power(10, {{ magnitude }} - 1))
    {%- elif unit == 'tokens' -%} greatest(1, power(10, {{ magnitude }} - 2))
    {%- elif unit == 'USD' -%} greatest(1, power(10, {{ magnitude }} - 1))
    {%- else -%} {{ exceptions.raise_compiler_error("No rounding is defined for the unit '" ~ unit ~ "'.") }}
    {%- endif -%}
{%- endmacro %}

{#- rounding_of for a unit that is a column. -#}
{% macro rounding_of_unit(number, unit) -%}
    case {{ unit }}
        {% for name in ['fraction of tokens', 'tokens', 'USD'] -%}
            when '{{ name }}' then {{ rounding_of(number, name) }}
        {% endfor -%}
    end
{%- endmacro %}

{#-
    A figure, rounded as sentences show it. Engines round doubles differently while formatting, so it is cast to a
    decimal.
-#}
{% macro rounded(number, unit) -%}
    cast(round(cast(cast({{ number }} as double) / {{ rounding_of(number, unit) }} as decimal(18, 6))) as double)
    * {{ rounding_of(number, unit) }}
{%- endmacro %}

{#- A number with the given number of decimals, such as 12.30. -#}
{% macro with_decimals(number, decimals) -%}
    {{ adapter.dispatch('with_decimals')(number, decimals) }}
{%- endmacro %}

{% macro default__with_decimals(number, decimals) -%}
    printf('%.{{ decimals }}f', {{ number }})
{%- endmacro %}

{#- A number with at most the given number of significant digits and no trailing zeros, such as 0.012. -#}
{% macro with_significant_digits(number, digits) -%}
    {{ adapter.dispatch('with_significant_digits')(number, digits) }}
{%- endmacro %}

{% macro default__with_significant_digits(number, digits) -%}
    printf('%.{{ digits }}g', {{ number }})
{%- endmacro %}

{#- 1234567.8 → 1,234,568 -#}
{% macro with_commas(number) -%}
    {{ adapter.dispatch('with_commas')(number) }}
{%- endmacro %}

{% macro default__with_commas(number) -%}
    format('{:,}', cast(round({{ number }}) as bigint))
{%- endmacro %}

{#- A rounded number from 1 to 1,000 with the given number of significant digits, such as 12.3 or 10.0. -#}
{% macro with_digits(number, digits) -%}
    case
        when {{ number }} >= 100 then {{ with_decimals(number, [digits - 3, 0] | max) }}
        when {{ number }} >= 10 then {{ with_decimals(number, digits - 2) }}
        else {{ with_decimals(number, digits - 1) }}
    end
{%- endmacro %}

{#- 0.1234 → 12.3%; 0.00123 → 0.12% -#}
{% macro as_percent(fraction) -%}
    {%- set percent = '100 * ' ~ rounded(fraction, 'fraction of tokens') -%}
    case
        when abs({{ percent }}) >= 1 then {{ with_decimals(percent, 1) }}
        when abs({{ percent }}) >= 0.1 then {{ with_decimals(percent, 2) }}
        else {{ with_significant_digits(percent, 2) }}
    end || '%'
{%- endmacro %}

{#- A rounded amount, such as 12.3 trillion. -#}
{% macro amount_in_words(amount, digits) -%}
    case
        {% for word, size in [('trillion', '1e12'), ('billion', '1e9'), ('million', '1e6')] -%}
            when {{ amount }} >= {{ size }}
                then {{ with_digits(amount ~ ' / ' ~ size, digits) }} || ' {{ word }}'
        {% endfor -%}
        else {{ with_commas(amount) }}
    end
{%- endmacro %}

{#- 1.234e13 → 12.3 trillion; 999999 → 1.00 million -#}
{% macro tokens_in_words(tokens) -%}
    {{ amount_in_words(rounded(tokens, 'tokens'), 3) }}
{%- endmacro %}

{#- 1234567.8 → $1.2 million; 860981 → $860,000 -#}
{% macro usd_in_words(usd) -%}
    '$' || {{ amount_in_words(rounded(usd, 'USD'), 2) }}
{%- endmacro %}

{#- A figure in words, for a unit that is a column. -#}
{% macro figure_in_words(number, unit) -%}
    case {{ unit }}
        when 'fraction of tokens' then {{ as_percent(number) }}
        when 'tokens' then {{ tokens_in_words(number) }}
        when 'USD' then {{ usd_in_words(number) }}
    end
{%- endmacro %}

{#- The previous and the new price, as listed, such as $2.00 → $1.50; a dash if there is no price. -#}
{% macro as_change(before, after) -%}
    coalesce({{ usd_price(before) }}, '–') || ' → ' || coalesce({{ usd_price(after) }}, '–')
{%- endmacro %}

{#- A price in USD, as it is listed, with two decimals or more: 0.1 → $0.10. -#}
{% macro usd_price(price) -%}
    {%- set number = with_significant_digits(price, 12) -%}
    '$' || case
        when not contains({{ number }}, '.') then {{ number }} || '.00'
        when substr({{ number }}, length({{ number }}) - 1, 1) = '.' then {{ number }} || '0'
        else {{ number }}
    end
{%- endmacro %}

{#- 27 July 2026 -#}
{% macro date_in_words(date) -%}
    {{ adapter.dispatch('date_in_words')(date) }}
{%- endmacro %}

{% macro default__date_in_words(date) -%}
    strftime({{ date }}, '%-d %B %Y')
{%- endmacro %}

{#- July 2026 -#}
{% macro month_in_words(date) -%}
    {{ adapter.dispatch('month_in_words')(date) }}
{%- endmacro %}

{% macro default__month_in_words(date) -%}
    strftime({{ date }}, '%B %Y')
{%- endmacro %}

{#- 'On 6 August 2026', 'In the week of 27 July 2026' (its Monday) or 'In July 2026'. -#}
{% macro period_in_words(period, period_start) -%}
    case {{ period }}
        when 'day' then 'On ' || {{ date_in_words(period_start) }}
        when 'week' then 'In the week of ' || {{ date_in_words(period_start) }}
        else 'In ' || {{ month_in_words(period_start) }}
    end
{%- endmacro %}

{#- A citation line with the as_of of the figure in place of its timestamp; a line without one is unchanged. -#}
{% macro citation_as_of(citation, as_of) -%}
    regexp_replace(
        {{ citation }}, '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]+Z', strftime({{ as_of }}, '%Y-%m-%dT%H:%M:%SZ')
    )
{%- endmacro %}
