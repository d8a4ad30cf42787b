"""Jobs: which assets run together, and in which process."""

import dagster as dg

from orchestration.defs.raw import raw_key
from orchestration.defs.resources import group_name
from orchestration.openrouter.essential import ESSENTIAL
from orchestration.openrouter.surfaces import ENDPOINTS, MODELS, RANKINGS, SURFACES

# A run's details are in its events. On the daemon's console, dbt's own lines are enough.
QUIET_CONSOLE = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}
# Run config that fetches all days of the rankings and every daily snapshot again.
REFETCH_ALL = {f"raw__{surface.name}": {"config": {"refetch": True}} for surface in ESSENTIAL[RANKINGS.name]}
# Run config that builds, checks and publishes even if nothing is new.
REBUILD = {"dbt": {"config": {"rebuild": True}}}

# Own calls are read and built when the user wants it, and have nothing to do with a release.
_OWN = dg.AssetSelection.groups(group_name("own"))
_PUBLIC = dg.AssetSelection.all() - _OWN

refresh = dg.define_asset_job(
    "refresh",
    selection=_PUBLIC,
    config=QUIET_CONSOLE,
    description="The whole pipeline in one run: fetch what is due, build and check the marts, publish a release.",
)
refresh_prices = dg.define_asset_job(
    "refresh_prices",
    selection=_PUBLIC
    - dg.AssetSelection.assets(*(raw_key(one) for one in SURFACES.values() if one not in (MODELS, ENDPOINTS))),
    config=QUIET_CONSOLE,
    description="Fetch prices and endpoints only, then build, check and publish the same marts.",
)
own = dg.define_asset_job(
    "own",
    selection=_OWN,
    config=QUIET_CONSOLE,
    description="Price your own calls: the logs that `routerscope own add` stored, with the release that is published.",
)


@dg.definitions
def jobs() -> dg.Definitions:
    # One process per run: it holds the lock on the data folder until it ends. dbt is the only heavy step, so starting
    # Python again for each step would cost more than it gains.
    return dg.Definitions(jobs=[refresh, refresh_prices, own], executor=dg.in_process_executor)
