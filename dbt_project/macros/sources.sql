{#- What a slug says: author/name[:variant]. An alias id begins with ~, which is no part of the author. -#}

{% macro base_slug(slug) -%}
    split_part({{ slug }}, ':', 1)
{%- endmacro %}

{% macro variant(slug) -%}
    case when contains({{ slug }}, ':') then split_part({{ slug }}, ':', 2) else 'standard' end
{%- endmacro %}

{% macro author(slug) -%}
    ltrim(split_part({{ slug }}, '/', 1), '~')
{%- endmacro %}

{#- Whether a row of rankings is the remainder `other`, whatever its case or blanks. -#}
{% macro is_other_slug(slug) -%}
    regexp_matches({{ slug }}, '^[\s\p{Z}]*other[\s\p{Z}]*$', 'i')
{%- endmacro %}

{#-
    Whether a slug is author/name[:variant]. Authors are lowercase; names may hold capitals (pplx-embed-v1-0.6B). Anything
    outside printable ASCII, a second slash or a second colon makes it malformed.
-#}
{% macro is_model_slug(slug) -%}
    regexp_matches({{ slug }}, '^[a-z0-9][a-z0-9._-]*/[!-.0-9;-~]+(:[!-.0-9;-~]+)?$')
{%- endmacro %}

{#- Whether an id of /models is author/name[:variant]; an alias begins with ~. -#}
{% macro is_model_id(id) -%}
    {{ is_model_slug("regexp_replace(" ~ id ~ ", '^~', '')") }}
{%- endmacro %}

{#- A ranking row's slug as the marts count it: rows that name no model are part of `other`. -#}
{% macro ranked_slug(slug) -%}
    case when {{ is_model_slug(slug) }} then {{ slug }} else 'other' end
{%- endmacro %}

{#- The slug that rankings call a model by: its canonical slug and the variant of its id. -#}
{% macro permaslug(canonical_slug, variant) -%}
    {{ canonical_slug }} || case {{ variant }} when 'standard' then '' else ':' || {{ variant }} end
{%- endmacro %}

{#- Which slice of traffic a rankings request asked for: all, or such as modality=text&context_bucket=10K. -#}
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

{#- Key of `scopes`, from the stamp of the lake that the row was read from. -#}
{% macro scope_id(kind) -%}
    case {{ kind }} when 'real' then 'openrouter_public_traffic' when 'simulated' then 'simulated' end
{%- endmacro %}
