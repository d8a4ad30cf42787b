{#- Parts of a slug, author/name[:variant]. The id of an alias starts with ~, which is not part of the author. -#}

{% macro base_slug(slug) -%}
    split_part({{ slug }}, ':', 1)
{%- endmacro %}

{% macro variant(slug) -%}
    case when contains({{ slug }}, ':') then split_part({{ slug }}, ':', 2) else 'standard' end
{%- endmacro %}

{% macro author(slug) -%}
    trim(leading '~' from split_part({{ slug }}, '/', 1))
{%- endmacro %}

{#- Whether a slug of the rankings is `other`, the remainder, in upper or lower case and with or without spaces. -#}
{% macro is_other_slug(slug) -%}
    regexp_matches({{ slug }}, '^[\s\p{Z}]*other[\s\p{Z}]*$', 'i')
{%- endmacro %}

{#-
    Whether a slug is author/name[:variant]. Authors are lowercase; names may contain capitals (pplx-embed-v1-0.6B).
    Anything outside printable ASCII, a second slash or a second colon makes it malformed.
-#}
{% macro is_model_slug(slug) -%}
    regexp_matches({{ slug }}, '^[a-z0-9][a-z0-9._-]*/[!-.0-9;-~]+(:[!-.0-9;-~]+)?$')
{%- endmacro %}

{#- Whether an id of /models is author/name[:variant]; the id of an alias starts with ~. -#}
{% macro is_model_id(id) -%}
    {{ is_model_slug("regexp_replace(" ~ id ~ ", '^~', '')") }}
{%- endmacro %}

{#- The slug that the marts use for a row of rankings: `other` if the slug is malformed. -#}
{% macro ranked_slug(slug) -%}
    case when {{ is_model_slug(slug) }} then {{ slug }} else 'other' end
{%- endmacro %}

{#- The slug of a model in the rankings: its canonical slug with the variant of its id. -#}
{% macro permaslug(canonical_slug, variant) -%}
    {{ canonical_slug }} || case {{ variant }} when 'standard' then '' else ':' || {{ variant }} end
{%- endmacro %}
