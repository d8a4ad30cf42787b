"""The definitions as Dagster's code location has them, loaded once for all tests: that takes more than a second."""

from functools import cache

import dagster as dg

from orchestration.definitions import defs


@cache
def definitions() -> dg.Definitions:
    return defs()
