with members as (

    select * from {{ ref('int_periods__members') }}
    where ranking = 'all' and member_type = 'model'

),

periods as (

    {{ whole_periods_of_all_traffic() }}

)

select
    periods.period,
    periods.period_start,
    members.member as model_permaslug,
    {{ base_slug('members.member') }} as base_slug,
    {{ variant('members.member') }} as variant,
    {{ author('members.member') }} as author,
    {{ share_columns() }}
from periods
inner join members using (period, period_start)
