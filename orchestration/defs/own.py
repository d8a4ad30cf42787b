"""A user's own calls in Dagster: the marts about them and two checks, without any figure or name from a log."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb

from orchestration.defs.published import PUBLISHED
from orchestration.defs.resources import OWNERS, code_reference, dagster_failures, group_name
from orchestration.defs.runs import DATA_TAG, PROCESS_TAG, process_tag
from orchestration.settings import Settings
from orchestration.usage.build import MARTS, build_own, has_logs, own_file

# Two runs would build the same file; a run of the public marts does not have to wait.
POOL = "own_usage"
MAX_UNMATCHED_SHARE = 0.01
MAX_UNEXPLAINED_SHARE = 0.01
_ABOUT = {
    "own_usage": "What was called and paid, as the logs report it.",
    "own_cost": "What the calls cost at the prices of their day, and where the charge differs.",
    "own_alternative": "The same tokens at the prices of every model and endpoint.",
    "own_mix": "The mix of models, authors and weights beside the router's.",
    "own_check": "What became of the rows of the logs, and what to look at.",
}
# Shares of the calls, from the marts.
_SHARES = """
    select
        coalesce(sum(calls) filter (match_reason = 'unmatched') / sum(calls), 0) as unmatched,
        coalesce((select sum(calls) from own_check where "check" = 'residual') / sum(calls), 0) as unexplained
    from own_usage
"""


def _key(mart: str) -> dg.AssetKey:
    return dg.AssetKey(["own", mart])


_CHECKS = [
    dg.AssetCheckSpec(
        "matched",
        asset=_key("own_usage"),
        description=f"At most {MAX_UNMATCHED_SHARE:.0%} of the calls are of a model that the release does not know.",
    ),
    dg.AssetCheckSpec(
        "explained",
        asset=_key("own_cost"),
        description=f"At most {MAX_UNEXPLAINED_SHARE:.0%} of the calls have a charge that no endpoint price explains.",
    ),
]


@dg.multi_asset(
    name="own_marts",
    specs=[
        dg.AssetSpec(
            _key(name),
            skippable=True,  # without a log
            deps=[PUBLISHED],
            group_name=group_name("own"),
            owners=OWNERS,
            kinds={"duckdb"},
            description=f"{_ABOUT[name]} Built from logs that `routerscope own add` stored; private to this computer.",
            metadata=code_reference(f"models/own/marts/{name}.sql"),
        )
        for name in MARTS
    ],
    check_specs=_CHECKS,
    pool=POOL,
)
def own_marts(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    with dagster_failures():
        data = Settings.load().data
        if not has_logs(data):
            context.log.warning("No log of own calls was added, so there is nothing to price: routerscope own add FILE")
            # Dagster wants the result of every check, even without calls.
            yield _result("matched", "own_usage", 0, MAX_UNMATCHED_SHARE)
            yield _result("explained", "own_cost", 0, MAX_UNEXPLAINED_SHARE)
            return
        context.instance.add_run_tags(context.run.run_id, {DATA_TAG: str(data), PROCESS_TAG: process_tag(context.run)})
        if not build_own(data, lambda stage, _share: context.log.debug(stage)):
            context.log.info("Nothing new: the marts were made from these logs and this release.")
        with duckdb.connect(str(own_file(data)), read_only=True) as connection:
            [(unmatched, unexplained)] = connection.execute(_SHARES).fetchall()
            for name in MARTS:
                yield dg.MaterializeResult(
                    asset_key=_key(name), metadata={"dagster/row_count": len(connection.table(name))}
                )
        yield _result("matched", "own_usage", unmatched, MAX_UNMATCHED_SHARE)
        yield _result("explained", "own_cost", unexplained, MAX_UNEXPLAINED_SHARE)


def _result(check: str, asset: str, share: float, most: float) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=check,
        asset_key=_key(asset),
        passed=share <= most,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{share:.1%} of the calls; at most {most:.0%} is expected. Look at them with: routerscope own",
        metadata={"share": float(share)},
    )


@dg.definitions
def own_usage() -> dg.Definitions:
    return dg.Definitions(assets=[own_marts])
