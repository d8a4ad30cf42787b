"""Whether the marts can be built after a surface was loaded: the lake must have rankings and models.

`openrouter/essential.py` defines which surfaces are essential.
"""

from __future__ import annotations

from orchestration.errors import ResponseError
from orchestration.ingest.load import LoadResult
from orchestration.ingest.sources import Source
from orchestration.openrouter.essential import ESSENTIAL, reported_by
from orchestration.openrouter.surfaces import RANKINGS, Surface
from orchestration.storage.lake import Lake

MAX_PROBLEMS_SHOWN = 20


def check_readiness(
    surface: Surface, source: Source, lake: Lake, result: LoadResult, *, includes_rankings: bool
) -> None:
    """Raises ResponseError if the marts would lack rankings or models.

    `result` comes from loading the surface; `includes_rankings` says whether this run fetches rankings too.
    """
    if result.fatal_problems:
        raise ResponseError(_fatal_message(surface, result.fatal_problems))
    name = reported_by(surface)
    if name and source.is_essential(surface) and not _has_data(lake, name):
        raise ResponseError(
            f"The source has no response of {ESSENTIAL[name][0].path}, and the lake holds none. The marts need both "
            "rankings and models, so nothing is built; the published release is unchanged. Use a source that has both."
        )
    if not (includes_rankings or _has_data(lake, RANKINGS.name)):
        raise ResponseError(
            f"{lake.root} holds no rankings yet, and this run does not fetch them. The marts need them, so nothing is "
            "built; the responses fetched so far are kept. Run the whole job `refresh` first."
        )


def _has_data(lake: Lake, name: str) -> bool:
    return any(lake.files(surface.name) for surface in ESSENTIAL[name])


def _fatal_message(surface: Surface, problems: list[str]) -> str:
    hidden = len(problems) - MAX_PROBLEMS_SHOWN
    more = [f"… and {hidden} more."] if hidden > 0 else []
    advice = f"Nothing is built without {surface.name}. Fix the cause, and run again."
    return "\n".join([*problems[:MAX_PROBLEMS_SHOWN], *more, advice])
