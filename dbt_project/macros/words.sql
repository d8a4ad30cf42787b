{#- Figures in sentences, where engines differ. -#}

{#- 1234567.8 → 1,234,568 -#}
{% macro with_commas(number) -%}
    format('{:,}', cast(round({{ number }}) as bigint))
{%- endmacro %}

{#- 0.1234 → 12.3 % -#}
{% macro as_percent(fraction) -%}
    printf('%.1f %%', 100 * cast({{ fraction }} as double))
{%- endmacro %}

{#- An amount before and after, such as 2 → 1.5; a dash where there is none. -#}
{% macro as_change(before, after) -%}
    coalesce(printf('%.4g', {{ before }}), '–') || ' → ' || coalesce(printf('%.4g', {{ after }}), '–')
{%- endmacro %}

{#- A share in words: exact where it is, else with its bounds. -#}
{% macro share_in_words() -%}
    case
        when is_complete_observation then {{ as_percent('share') }}
        else 'between ' || {{ as_percent('share') }} || ' and ' || {{ as_percent('share_high') }}
    end
{%- endmacro %}

{#- 1.23e13 → 12.3 trillion tokens -#}
{% macro tokens_in_words(tokens) -%}
    case
        when {{ tokens }} >= 1e12 then printf('%.1f trillion', {{ tokens }} / 1e12)
        when {{ tokens }} >= 1e9 then printf('%.1f billion', {{ tokens }} / 1e9)
        else {{ with_commas(tokens) }}
    end
{%- endmacro %}

{#- 1234567.8 → 1.2 million USD -#}
{% macro usd_in_words(usd) -%}
    case
        when {{ usd }} >= 1e9 then printf('%.1f billion USD', {{ usd }} / 1e9)
        when {{ usd }} >= 1e6 then printf('%.1f million USD', {{ usd }} / 1e6)
        else {{ with_commas(usd) }} || ' USD'
    end
{%- endmacro %}

{#- A citation line with the moment of the figure that it stands beside; a line without a moment stays as it is. -#}
{% macro citation_as_of(citation, as_of) -%}
    regexp_replace(
        {{ citation }}, '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]+Z', strftime({{ as_of }}, '%Y-%m-%dT%H:%M:%SZ')
    )
{%- endmacro %}

{#- Who leads each period of a share mart, where nobody else can have had more. -#}
{% macro undisputed_leaders(mart) -%}
    (
        select *
        from {{ ref(mart) }}
        qualify
            rank = 1
            and tokens > coalesce(
                max(case when rank > 1 then tokens_high end) over (partition by period, period_start), 0
            )
    ) as leaders
{%- endmacro %}
