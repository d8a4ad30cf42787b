-- Citable sentences: the values of int_claims__values filled into the templates of the seed claim_templates. The id of
-- a claim stays the same when its figure is revised.
{#-
    The column that fills each placeholder of a template. The subject comes last, because it is a name that somebody
    else chose and may look like a placeholder.
-#}
{%- set texts = {
    'period': 'period_text',
    'traffic': 'traffic',
    'value': 'value_text',
    'value_high': 'value_high_text',
    'caveat_value': 'caveat_value_text',
    'caveat_value_high': 'caveat_value_high_text',
    'caveat_basis': 'caveat_basis',
    'subject': 'subject_name',
} %}
with claims as (

    select * from {{ ref('int_claims__values') }}

),

templates as (

    select * from {{ ref('claim_templates') }}

),

scopes as (

    select * from {{ ref('scopes') }}

),

citations as (

    select * from {{ ref('int_responses__latest') }}

),

-- Figures and dates are formatted once for the statement and the caveat.
worded as (

    select
        claims.*,
        templates.unit,
        templates.statement,
        templates.statement_bounded,
        templates.caveat,
        suspect_period.caveat as suspect_caveat,
        scopes.traffic,
        scopes.caveats as scope_caveats,
        {{ period_in_words('claims.period', 'claims.period_start') }} as period_text,
        {{ figure_in_words('claims.value', 'templates.unit') }} as value_text,
        {{ figure_in_words('coalesce(claims.value_high, claims.value)', 'templates.unit') }} as value_high_text,
        {{ figure_in_words('claims.caveat_value', 'templates.unit') }} as caveat_value_text,
        {{ figure_in_words('claims.caveat_value_high', 'templates.unit') }} as caveat_value_high_text
    from claims
    inner join scopes using (scope_id)
    left join templates on claims.kind = templates.kind
    left join templates as suspect_period on claims.is_suspect and suspect_period.kind = 'suspect_period'

),

-- A range gets its own sentence, but only if its two ends still differ after rounding.
chosen as (

    select
        *,
        case
            when value_high_text <> value_text then coalesce(statement_bounded, statement) else statement
        end as statement_template
    from worded

)

select
    chosen.claim_id,
    chosen.kind,
    chosen.period,
    chosen.period_start,
    chosen.period_end,
    chosen.subject,
    chosen.value,
    case when chosen.value_high > chosen.value then chosen.value_high end as value_high,
    chosen.unit,
    {{ rounding_of_unit('chosen.value', 'chosen.unit') }} as value_rounding,
    case when chosen.value_high > chosen.value then {{ rounding_of_unit('chosen.value_high', 'chosen.unit') }} end
        as value_high_rounding,
    case chosen.scope_id when 'simulated' then 'SIMULATED: ' else '' end
    || {{ filled('chosen.statement_template', texts) }} as statement,
    {{ filled('chosen.caveat', texts) }}
    || coalesce(' ' || chosen.suspect_caveat, '') || ' ' || chosen.scope_caveats as caveat,
    -- One citation line for each surface that the figure comes from, as of that surface's own response.
    concat_ws(
        ' ',
        {{ citation_as_of('app_lines.citation', 'chosen.app_as_of') }},
        {{ citation_as_of('rankings_lines.citation', 'chosen.rankings_as_of') }},
        {{ citation_as_of('price_lines.citation', 'chosen.price_as_of') }}
    ) as citation,
    chosen.scope_id,
    chosen.source_url,
    chosen.as_of,
    chosen.oldest_as_of,
    chosen.checked_at
from chosen
inner join citations as rankings_lines
    on
        chosen.rankings_source_url = rankings_lines.source_url
        and {{ is_rankings_surface('rankings_lines.surface') }}
left join citations as app_lines on chosen.app_as_of is not null and app_lines.surface = 'apps'
left join citations as price_lines on chosen.price_as_of is not null and price_lines.surface = 'models'
