-- Newest Artificial Analysis indices of each model. A response may have several rows for a model; the one with the
-- highest score counts.
with benchmarks as (

    select * from {{ ref('stg_openrouter__benchmarks') }}
    where benchmark_source = 'artificial-analysis'

)

select
    model_permaslug as base_slug,
    intelligence_index,
    coding_index,
    agentic_index,
    as_of,
    fetched_at
from benchmarks
qualify {{ is_latest_by('model_permaslug', within_response='intelligence_index desc nulls last') }}
