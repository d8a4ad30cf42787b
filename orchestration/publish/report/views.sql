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

-- OpenRouter's names begin with the author: "Xiaomi: MiMo-V2.5". Two models with one name keep their slugs.
create temp view model_names as
with named as (
    select
        model_permaslug,
        model_id,
        author,
        nullif(regexp_replace(name, '^[^:]+:\s+', ''), '') as short_name,
        regexp_replace(model_permaslug, '^[^/]+/', '') as slug,
    from model
)
select
    model_permaslug,
    model_id,
    case when count(*) over (partition by author, coalesce(short_name, slug)) > 1 then slug else coalesce(short_name, slug) end as model_name,
    coalesce(author_name, author) as author_name,
from named
left join author_names using (author);

create temp view price_names as
select
    price_current.model_id,
    coalesce(max(model_name), max(nullif(regexp_replace(price_current.name, '^[^:]+:\s+', ''), '')), price_current.model_id) as model_name,
from price_current
left join model_names using (model_id)
group by price_current.model_id;

-- Prices of the model lists as they apply to the report's period.
create temp view period_prices as
select spend_model.*
from spend_model
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
