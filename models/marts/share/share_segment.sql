-- Shares of the segments of each division of models, and of the remainder `other`.
select
    period,
    period_start,
    segment_type,
    segment,
    tokens,
    tokens_high,
    total_tokens,
    share,
    share_high,
    share_of_named,
    rank,
    is_complete_observation,
    basis,
    scope_id,
    source_url,
    as_of,
    oldest_as_of,
    checked_at
from {{ ref('int_traffic__segments') }}
