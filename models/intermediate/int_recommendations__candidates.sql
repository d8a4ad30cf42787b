-- Each model of the scorecard with the facts that a recommendation may use; a fact that is too old according to the
-- seed freshness is null. Ages are measured against the rankings and not against the clock, so that every build makes
-- the same recommendations.
with facts as (

    select * from {{ ref('int_scorecard__facts') }}

),

limits as (

    select
        max(to_hours(cast(error_above as bigint))) filter (where surface = 'endpoints' and measure = 'as_of_hours')
            as endpoints,
        max(to_hours(cast(error_above as bigint))) filter (where surface = 'benchmarks' and measure = 'as_of_hours')
            as benchmarks,
        max(to_hours(cast(error_above as bigint))) filter (where surface = 'models' and measure = 'price_hours')
            as prices
    from {{ ref('freshness') }}

),

aged as (

    select
        facts.*,
        coalesce(facts.endpoints_as_of >= facts.rankings_as_of - limits.endpoints, false) as has_fresh_endpoints,
        coalesce(facts.benchmarks_as_of >= facts.rankings_as_of - limits.benchmarks, false) as has_fresh_index,
        -- A free variant may have no listed price, because its name already says that it is free.
        coalesce(facts.price_as_of >= facts.rankings_as_of - limits.prices, facts.price_as_of is null)
            as has_fresh_price
    from facts
    cross join limits

),

-- A model is beaten by any model of the scorecard, free or paid, that scores at least as high and costs less for input
-- or output. A rival whose price is too old may have become cheaper, so it counts as cheaper.
beaten as (

    select distinct aged.model_permaslug
    from aged
    inner join aged as rivals
        on
            aged.model_permaslug <> rivals.model_permaslug
            and aged.intelligence_index <= rivals.intelligence_index
            and (
                aged.prompt_usd_per_mtok > rivals.prompt_usd_per_mtok
                or aged.completion_usd_per_mtok > rivals.completion_usd_per_mtok
                or not rivals.has_fresh_price
            )

)

select
    aged.model_permaslug,
    aged.date,
    aged.rank,
    aged.created_on,
    aged.weights,
    aged.share_change_28d_pp,
    -- The larger loss counts, because a model may gain over 28 days and lose in the last 7. An unknown change is not a
    -- loss.
    coalesce(-least(aged.share_change_7d_pp, aged.share_change_28d_pp), 0) as share_loss_pp,
    case when aged.has_fresh_price then aged.price_class end as price_class,
    case when aged.has_fresh_price then aged.completion_usd_per_mtok end as completion_usd_per_mtok,
    case when aged.has_fresh_endpoints then aged.providers end as providers,
    case when aged.has_fresh_endpoints then aged.endpoints_as_of end as endpoints_as_of,
    aged.has_fresh_index
    and aged.has_fresh_price
    and aged.price_class = 'paid'
    and aged.intelligence_index is not null
    and beaten.model_permaslug is null as is_unbeaten
from aged
left join beaten using (model_permaslug)
