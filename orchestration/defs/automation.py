"""Jobs: what is run together. When they run belongs here too; what they do does not."""

from __future__ import annotations

import dagster as dg

# One process: dbt is the only heavy step, and starting Python anew for each step costs more than it gives.
refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="Everything in one run: take in what is new, build and check the marts, publish them.",
)


@dg.definitions
def automation() -> dg.Definitions:
    return dg.Definitions(jobs=[refresh])
