"""Which surfaces the marts cannot do without: every mart rests on the rankings and on the list of models.

Two surfaces report the rankings: with a key, a run fetches `rankings`; without one, `rankings_export`. If a run cannot
fetch an essential surface, nothing is built. If the age of essential data is unknown, freshness reports it as too old.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from orchestration.openrouter.parsers import SLICES
from orchestration.openrouter.surfaces import MODELS, RANKINGS, RANKINGS_EXPORT, Surface

# Essential data by name, with the surfaces that report it; any of them will do.
ESSENTIAL: dict[str, tuple[Surface, ...]] = {
    RANKINGS.name: (RANKINGS, RANKINGS_EXPORT),
    MODELS.name: (MODELS,),
}


def is_essential(surface: Surface, *, has_key: bool) -> bool:
    """Whether nothing may be built if this surface cannot be fetched."""
    return surface in (MODELS, RANKINGS if has_key else RANKINGS_EXPORT)


def is_essential_request(
    surface: Surface, params: Mapping[str, str], *, has_key: bool, newest_snapshot: dt.date | None = None
) -> bool:
    """Whether nothing may be built if this one request fails.

    The marts can do without a slice of the rankings, and without every snapshot but the newest.
    """
    if not is_essential(surface, has_key=has_key):
        return False
    if surface is RANKINGS_EXPORT:
        return params["snapshot_date"] == f"{newest_snapshot}"
    return not any(name in params for name in SLICES)


def reported_by(surface: Surface) -> str | None:
    """Name of the essential data that the surface reports; None if it reports none."""
    return next((name for name, surfaces in ESSENTIAL.items() if surface in surfaces), None)
