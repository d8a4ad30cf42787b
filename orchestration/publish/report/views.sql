-- Views that the queries of the report share. They exist only on the report's own connection.

-- The period that the report is about: the newest week, or the newest day where no week is complete.
create temp view newest as
with latest as (
    select period, period_start
    from traffic_summary
    where period in ('week', 'day')
    order by period = 'week' desc, period_start desc
    limit 1
)
select
    period,
    period_start,
    period_start + if(period = 'week', 6, 0) as period_end,
    period_start - if(period = 'week', 7, 1) as previous_start,
    if(period = 'week', '7d', '1d') as horizon,
from latest;

create temp view author_names as
select author, coalesce(display_name, author) as author_name
from author;

-- OpenRouter's names begin with the author: "Xiaomi: MiMo-V2.5".
create temp macro without_author(name) as nullif(regexp_replace(name, '^[^:]+:\s+', ''), '');

-- Two models with one name keep their slugs.
create temp view model_names as
with named as (
    select
        model_permaslug,
        model_id,
        author,
        regexp_replace(model_permaslug, '^[^/]+/', '') as slug,
        coalesce(without_author(name), slug) as short_name,
    from model
)
select
    model_permaslug,
    model_id,
    if(count(*) over (partition by author, short_name) > 1, slug, short_name) as model_name,
    coalesce(author_name, author) as author_name,
from named
left join author_names using (author);

create temp view price_names as
select
    price_current.model_id,
    coalesce(max(model_name), max(without_author(price_current.name)), price_current.model_id) as model_name,
from price_current
left join model_names using (model_id)
group by price_current.model_id;

-- Prices of the model lists as they apply to the report's period.
create temp view period_prices as
select spend_model.*
from spend_model
join newest using (period, period_start);

-- The model with the largest share in the report's period, and its prices.
create temp view leading_model as
select
    share_model.*,
    model_name,
    prompt_usd_per_mtok,
    completion_usd_per_mtok,
from share_model
join newest using (period, period_start)
join model_names using (model_permaslug)
left join period_prices using (model_permaslug)
where rank = 1
order by model_permaslug
limit 1;

-- Traffic of the report's period, and its growth since the one before.
create temp view period_traffic as
select
    traffic_summary.*,
    if(horizon = '7d', growth_7d, growth_1d) as growth,
from traffic_summary
join newest using (period, period_start);

-- Weeks that a weekly chart shows: at most 26, the newest last.
create temp view recent_weeks as
select period_start
from traffic_summary
where period = 'week'
    and period_start > (select max(period_start) - 26 * 7 from traffic_summary where period = 'week');

-- Names of segments for people, and their order in a chart; 99 is what nobody can attribute.
create temp view segment_names as
select *
from (
    values
        ('weights', 'open', 'Open weights', 1),
        ('weights', 'closed', 'Closed weights', 2),
        ('weights', 'undisclosed', 'Undisclosed', 3),
        ('weights', 'unclassified', 'Unclassified', 90),
        ('weights', 'other', 'Unlisted models', 99),
        ('price_class', 'paid', 'Paid models', 1),
        ('price_class', 'free', 'Free models', 2),
        ('price_class', 'unpriced', 'No price known', 90),
        ('price_class', 'other', 'Unlisted models', 99),
        ('author_country', 'CN', 'China', 1),
        ('author_country', 'US', 'United States', 2),
        ('author_country', 'FR', 'France', 3),
        ('author_country', 'CA', 'Canada', 4),
        ('author_country', 'DE', 'Germany', 5),
        ('author_country', 'IL', 'Israel', 6),
        ('author_country', 'IN', 'India', 7),
        ('author_country', 'JP', 'Japan', 8),
        ('author_country', 'KR', 'South Korea', 9),
        ('author_country', 'TH', 'Thailand', 10),
        ('author_country', 'unclassified', 'Country not known', 90),
        ('author_country', 'other', 'Unlisted models', 99)
) as names (segment_type, segment, segment_name, place);

-- Contributions to growth that belong to no single author.
create temp view driver_names as
select *
from (
    values
        ('launched', 'New models'),
        ('crossed_top50', 'Models listed in one window only'),
        ('other', 'Unlisted models')
) as names (member, driver_name);
