"""Jobs: which assets run together, and in which process."""

import dagster as dg

from orchestration.defs.raw import raw_key
from orchestration.openrouter.essential import ESSENTIAL
from orchestration.openrouter.surfaces import ENDPOINTS, MODELS, RANKINGS, SURFACES

# A run's details are in its events. On the daemon's console, dbt's own lines are enough.
QUIET_CONSOLE = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}
# Run config that fetches all days of the rankings and every daily snapshot again.
REFETCH_ALL = {f"raw__{surface.name}": {"config": {"refetch": True}} for surface in ESSENTIAL[RANKINGS.name]}
# Run config that builds, checks and publishes even if nothing is new.
REBUILD = {"dbt": {"config": {"rebuild": True}}}

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    config=QUIET_CONSOLE,
    description="The whole pipeline in one run: fetch what is due, build and check the marts, publish a release.",
)
refresh_prices = dg.define_asset_job(
    "refresh_prices",
    selection=dg.AssetSelection.all()
    - dg.AssetSelection.assets(*(raw_key(one) for one in SURFACES.values() if one not in (MODELS, ENDPOINTS))),
    config=QUIET_CONSOLE,
    description="Fetch prices and endpoints only, then build, check and publish the same marts.",
)


@dg.definitions
def jobs() -> dg.Definitions:
    # One process per run: it holds the lock on the data folder until it ends. dbt is the only heavy step, so starting
    # Python again for each step would cost more than it gains.
    return dg.Definitions(jobs=[refresh, refresh_prices], executor=dg.in_process_executor)
