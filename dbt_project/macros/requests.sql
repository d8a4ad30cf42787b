{#- What follows from the surface and request of a response and from the kind of data in the lake. -#}

{#- The slice of traffic that a rankings request selects: all, or for example modality=text&context_bucket=10K. -#}
{% macro slice() -%}
    coalesce(
        nullif(
            concat_ws(
                '&',
                'modality=' || modality,
                'context_bucket=' || context_bucket,
                'category=' || category,
                'language_type=' || language_type
            ),
            ''
        ),
        'all'
    )
{%- endmacro %}

{#-
    Whether a surface reports the rankings: `rankings` (with an API key) and the daily snapshots (without one) publish
    the same figures.
-#}
{% macro is_rankings_surface(surface) -%}
    {{ surface }} in ('rankings', 'rankings_export')
{%- endmacro %}

{#- Key of `scopes`, from the kind of data (real or simulated) that each file of the lake states. -#}
{% macro scope_id(kind) -%}
    case {{ kind }} when 'real' then 'openrouter_public_traffic' when 'simulated' then 'simulated' end
{%- endmacro %}
