-- Citable sentences: the values of int_claims__values in the words of the seed claim_templates. The id of a claim stays
-- when its figure is revised.
{#- The column that fills each placeholder of a template. The subject comes last: it is a name that others have given,
    and may itself look like a placeholder. -#}
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

-- Figures and dates as a sentence shows them, and the template that suits: a value with bounds may have its own.
worded as (

    select
        claims.*,
        templates.unit,
        templates.caveat as caveat_template,
        scopes.traffic,
        scopes.caveats as scope_caveats,
        case
            when
                templates.statement_bounded is null
                or coalesce(claims.is_complete_observation, true)
                or (
                    contains(templates.statement_bounded, '{value_high}')
                    and {{ figure_in_words('claims.value', 'templates.unit') }}
                    = {{ figure_in_words('claims.value_high', 'templates.unit') }}
                ) then templates.statement
            else templates.statement_bounded
        end as statement_template,
        {{ period_in_words('claims.period', 'claims.period_start', 'claims.period_end') }} as period_text,
        {{ figure_in_words('claims.value', 'templates.unit') }} as value_text,
        {{ figure_in_words('coalesce(claims.value_high, claims.value)', 'templates.unit') }} as value_high_text,
        {{ figure_in_words('claims.caveat_value', 'templates.unit') }} as caveat_value_text,
        {{ figure_in_words('claims.caveat_value_high', 'templates.unit') }} as caveat_value_high_text
    from claims
    inner join scopes using (scope_id)
    left join templates using (kind)

)

select
    worded.claim_id,
    worded.kind,
    worded.period,
    worded.period_start,
    worded.period_end,
    worded.subject,
    worded.value,
    case when worded.value_high > worded.value then worded.value_high end as value_high,
    worded.unit,
    {{ rounding_of_unit('worded.value', 'worded.unit') }} as value_rounding,
    case when worded.value_high > worded.value then {{ rounding_of_unit('worded.value_high', 'worded.unit') }} end
        as value_high_rounding,
    case worded.scope_id when 'simulated' then 'SIMULATED: ' else '' end
    || {{ filled('worded.statement_template', texts) }} as statement,
    {{ filled('worded.caveat_template', texts) }}
    || case when worded.is_suspect then ' A response for it looks incomplete; see coverage.' else '' end
    || ' ' || worded.scope_caveats as caveat,
    -- One line for each surface that the figure is from, as of this figure.
    concat_ws(
        ' ',
        {{ citation_as_of('app_lines.citation', 'worded.app_as_of') }},
        {{ citation_as_of('rankings_lines.citation', 'worded.rankings_as_of') }},
        {{ citation_as_of('price_lines.citation', 'worded.price_as_of') }}
    ) as citation,
    worded.scope_id,
    worded.source_url,
    worded.as_of,
    worded.oldest_as_of,
    worded.checked_at
from worded
inner join citations as rankings_lines
    on
        worded.rankings_source_url = rankings_lines.source_url
        and rankings_lines.surface in ('rankings', 'rankings_export')
left join citations as app_lines on worded.app_as_of is not null and app_lines.surface = 'apps'
left join citations as price_lines on worded.price_as_of is not null and price_lines.surface = 'models'
