-- Sentences fit to quote, one of each kind for each day, week and month. The id stays when a figure is restated.
with summary as (

    select * from {{ ref('traffic_summary') }}

),

scopes as (

    select * from {{ ref('scopes') }}

),

citations as (

    select * from {{ ref('citations') }}

),

author_names as (

    select
        author,
        display_name
    from {{ ref('author') }}

),

-- The observations of usage and of prices that went into a period.
priced as (

    select
        period,
        period_start,
        max(price_as_of) as price_as_of,
        {{ provenance_of_sums('spend_author') }}
    from {{ ref('spend_author') }} as spend_author
    group by period, period_start

),

unlisted as (

    select
        period,
        period_start,
        unlisted_member_tokens_high as unlisted_tokens_high
    from {{ ref('int_periods__totals') }}
    where ranking = 'all'

),

-- The five, where nobody else can have had more than the fifth of them.
leading_five as (

    select
        period,
        period_start,
        string_agg(model_permaslug, ', ' order by rank) filter (where rank <= 5) as names,
        -- Their order within the five is no part of what the sentence is about.
        string_agg(model_permaslug, ', ' order by model_permaslug) filter (where rank <= 5) as subject,
        sum(tokens_high) filter (where rank <= 5) / max(total_tokens) as share_high,
        bool_and(is_complete_observation) filter (where rank <= 5) as is_complete_observation
    from {{ ref('share_model') }}
    left join unlisted using (period, period_start)
    group by period, period_start
    having
        min(tokens) filter (where rank <= 5)
        > greatest(coalesce(max(tokens_high) filter (where rank > 5), 0), coalesce(max(unlisted_tokens_high), 0))

),

provenance as (

    select
        period,
        period_start,
        scope_id,
        source_url,
        as_of,
        oldest_as_of,
        checked_at
    from {{ ref('share_model') }}
    where rank = 1

),

leading_model as (

    select
        'leading_model' as kind,
        period,
        period_start,
        model_permaslug as subject,
        share as value,
        share_high as value_high,
        'fraction of tokens' as unit,
        model_permaslug || ' had ' || {{ share_in_words() }} || ' of %TRAFFIC%, more than any other listed model.'
            as sentence,
        'Variants of a model, such as a free one, count apart.'
            as caveat,
        cast(null as timestamp) as app_as_of,
        cast(null as timestamp) as price_as_of,
        scope_id,
        source_url,
        as_of,
        oldest_as_of,
        checked_at
    from {{ undisputed_leaders('share_model') }}

),

leading_author as (

    select
        'leading_author' as kind,
        period,
        period_start,
        leaders.author as subject,
        share as value,
        share_high as value_high,
        'fraction of tokens' as unit,
        'the listed models of '
        || coalesce(author_names.display_name, leaders.author)
        || ' together had '
        || {{ share_in_words() }}
        || ' of %TRAFFIC%, more than those of any other author.'
            as sentence,
        'Models below the 50 that are listed are not counted; an author is who made a model, not who hosts it.'
            as caveat,
        cast(null as timestamp) as app_as_of,
        cast(null as timestamp) as price_as_of,
        scope_id,
        source_url,
        as_of,
        oldest_as_of,
        checked_at
    from {{ undisputed_leaders('share_author') }}
    left join author_names using (author)

),

leading_app as (

    select
        'leading_app' as kind,
        period,
        period_start,
        app_name as subject,
        share as value,
        share_high as value_high,
        'fraction of tokens' as unit,
        app_name || ' sent ' || {{ share_in_words() }} || ' of %TRAFFIC%, more than any other listed app.'
            as sentence,
        'An app is not an account, and traffic without an app''s name belongs to none.' as caveat,
        app_as_of,
        cast(null as timestamp) as price_as_of,
        scope_id,
        source_url,
        as_of,
        oldest_as_of,
        checked_at
    from {{ undisputed_leaders('share_app') }}

),

total as (

    select
        'total_tokens' as kind,
        summary.period,
        summary.period_start,
        'all traffic' as subject,
        summary.total_tokens as value,
        cast(null as double) as value_high,
        'tokens' as unit,
        '%TRAFFIC% came to ' || {{ tokens_in_words('summary.total_tokens') }} || '.' as sentence,
        'Prompt and completion tokens together.' as caveat,
        cast(null as timestamp) as app_as_of,
        cast(null as timestamp) as price_as_of,
        provenance.* exclude (period, period_start)
    from summary
    inner join provenance using (period, period_start)

),

top_five as (

    select
        'top_5_models' as kind,
        summary.period,
        summary.period_start,
        leading_five.subject,
        summary.cr5 as value,
        leading_five.share_high as value_high,
        'fraction of tokens' as unit,
        'the five leading models had '
        || case when leading_five.is_complete_observation then '' else 'at least ' end
        || {{ as_percent('summary.cr5') }}
        || ' of %TRAFFIC%: '
        || leading_five.names
        || '.'
            as sentence,
        'Variants of a model, such as a free one, count apart.' as caveat,
        cast(null as timestamp) as app_as_of,
        cast(null as timestamp) as price_as_of,
        provenance.* exclude (period, period_start)
    from summary
    inner join leading_five using (period, period_start)
    inner join provenance using (period, period_start)

),

open_weights as (

    select
        'open_weights' as kind,
        summary.period,
        summary.period_start,
        'models with open weights' as subject,
        summary.open_weights_share_low as value,
        summary.open_weights_share_high as value_high,
        'fraction of tokens' as unit,
        'models whose weights are known to be open had at least ' || {{ as_percent('summary.open_weights_share_low') }}
        || ' of %TRAFFIC%, and at most ' || {{ as_percent('summary.open_weights_share_high') }}
        || ' if all that is unknown or not listed is open.' as sentence,
        'Which weights are open is our own reading of the evidence in the seed model_weights.' as caveat,
        cast(null as timestamp) as app_as_of,
        cast(null as timestamp) as price_as_of,
        provenance.* exclude (period, period_start)
    from summary
    inner join provenance using (period, period_start)
    where summary.open_weights_share_low > 0

),

free as (

    select
        'free_models' as kind,
        segments.period,
        segments.period_start,
        'free models' as subject,
        segments.share as value,
        cast(null as double) as value_high,
        'fraction of tokens' as unit,
        'free models that are listed had ' || {{ as_percent('segments.share') }} || ' of %TRAFFIC%.' as sentence,
        'Free to the caller at OpenRouter''s listed price; models below the 50 that are listed are not counted.'
            as caveat,
        cast(null as timestamp) as app_as_of,
        priced.price_as_of,
        segments.scope_id,
        segments.source_url,
        segments.as_of,
        segments.oldest_as_of,
        segments.checked_at
    from {{ ref('share_segment') }} as segments
    inner join priced using (period, period_start)
    where segments.segment_type = 'price_class' and segments.segment = 'free'

),

-- One text for all classes of input price; a second one would double the claim, which its key forbids.
token_mix as (

    select distinct basis
    from {{ ref('token_mix') }}
    where mix_class <> 'single_model'

),

spend as (

    select
        'implied_spend' as kind,
        summary.period,
        summary.period_start,
        'all priced traffic' as subject,
        summary.spend_low as value,
        summary.spend_high as value_high,
        'USD' as unit,
        'the priced part of %TRAFFIC% would have cost between '
        || {{ usd_in_words('summary.spend_low') }}
        || ' and '
        || {{ usd_in_words('summary.spend_high') }}
        || ' at list prices, however its tokens split.'
            as sentence,
        'Implied, not paid: how tokens split into input, output and cached input is not published. With the split of '
        || 'each model''s class of input price it is between '
        || {{ usd_in_words('summary.spend_plausible_low') }}
        || ' and '
        || {{ usd_in_words('summary.spend_plausible_high') }}
        || '. '
        || token_mix.basis
        || ' Before fees, without own keys and unit fees.'
            as caveat,
        cast(null as timestamp) as app_as_of,
        priced.* exclude (period, period_start)
    from summary
    inner join priced using (period, period_start)
    cross join token_mix
    where summary.spend_high > 0

),

claims as (

    {% for claim in [
        'leading_model', 'leading_author', 'leading_app', 'total', 'top_five', 'open_weights', 'free', 'spend'
    ] -%}
        select * from {{ claim }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

said as (

    select
        claims.*,
        case claims.period
            when 'day' then 'On ' || strftime(claims.period_start, '%Y-%m-%d')
            when 'week'
                then
                    'In the week from ' || strftime(claims.period_start, '%Y-%m-%d') || ' to '
                    || strftime({{ period_end('claims.period', 'claims.period_start') }}, '%Y-%m-%d')
            else 'In ' || strftime(claims.period_start, '%B %Y')
        end as moment,
        scopes.traffic,
        scopes.caveats,
        {{ period_end('claims.period', 'claims.period_start') }} as period_end
    from claims
    inner join scopes using (scope_id)

),

-- Periods for which a response looks incomplete: the caveat says so. Where rows are missing, nothing is fit to quote.
suspects as (

    select
        period,
        period_start,
        ranking,
        is_truncated
    from {{ ref('int_periods__totals') }}
    where is_suspect

)

select
    said.kind || '/' || said.period || '/' || strftime(said.period_start, '%Y-%m-%d') as claim_id,
    said.kind,
    said.period,
    said.period_start,
    said.period_end,
    said.subject,
    cast(said.value as double) as value,
    case when said.value_high > said.value then cast(said.value_high as double) end as value_high,
    said.unit,
    {{ rounding_of_unit('said.value') }} as value_rounding,
    case when said.value_high > said.value then {{ rounding_of_unit('said.value_high') }} end as value_high_rounding,
    case said.scope_id when 'simulated' then 'SIMULATED: ' else '' end || said.moment || ', '
    || replace(said.sentence, '%TRAFFIC%', said.traffic) as statement,
    said.caveat
    || case when suspects.ranking is not null then ' A response for it looks incomplete; see coverage.' else '' end
    || ' ' || said.caveats as caveat,
    -- The line of each surface, as of this figure.
    concat_ws(
        ' ',
        {{ citation_as_of('app_lines.citation', 'said.app_as_of') }},
        {{ citation_as_of('lines.citation', 'provenance.as_of') }},
        {{ citation_as_of('price_lines.citation', 'said.price_as_of') }}
    ) as citation,
    said.scope_id,
    said.source_url,
    said.as_of,
    said.oldest_as_of,
    said.checked_at
from said
-- The rankings' own moment and line: those of a figure may be those of a price or an app.
inner join provenance using (period, period_start)
inner join
    citations as lines
    on provenance.source_url = lines.source_url and lines.surface in ('rankings', 'rankings_export')
left join suspects
    on
        said.period = suspects.period
        and said.period_start = suspects.period_start
        and suspects.ranking = case said.kind when 'leading_app' then 'apps' else 'all' end
left join citations as app_lines on said.app_as_of is not null and app_lines.surface = 'apps'
left join citations as price_lines on said.price_as_of is not null and price_lines.surface = 'models'
where not coalesce(suspects.is_truncated, false)
