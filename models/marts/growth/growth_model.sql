with members as (

    select * from {{ ref('int_growth__members') }}
    where ranking = 'all' and member_type = 'model'

)

select
    window_end,
    horizon,
    member as model_permaslug,
    {{ base_slug('member') }} as base_slug,
    {{ variant('member') }} as variant,
    {{ author('member') }} as author,
    {{ growth_columns() }}
from members
