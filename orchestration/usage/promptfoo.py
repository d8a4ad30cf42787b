"""A promptfoo configuration from a user's own calls: their most expensive model and the cheapest others for its calls.

What a configuration looks like is in publish/exports/promptfoo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestration.errors import UsageError
from orchestration.publish.exports.promptfoo import CASES, MAX_CANDIDATES, PROMPT, Candidate, promptfoo_config
from orchestration.storage.files import write_atomically
from orchestration.usage.marts import OwnMarts, alternatives, call_shape, largest_model

_COSTS = """
    select
        model_id,
        release.cost_usd(
            prices, $prompt_tokens, $completion_tokens, cached_tokens := $cached_tokens
        ) as cost_usd
    from release.price_current
    where list_contains($models, model_id)
"""


@dataclass(frozen=True)
class Written:
    """What was written: the files, those that existed and were kept, the number of models, and the call in words."""

    files: Sequence[Path]
    kept: Sequence[Path]
    models: int
    calls: int
    shape: str


def write_promptfoo(marts: OwnMarts, folder: Path, notice: str) -> Written:
    """Write the configuration, a prompt and a case, unless they exist.

    The costs are those of the mean call of the model, of the source with most calls, at the prices listed now. Raises
    UsageError if no model of the user's has a price.
    """
    [source] = marts.rows("select source from own_usage group by source order by sum(calls) desc, source limit 1")
    largest = largest_model(marts, source["source"])
    if largest is None:
        raise UsageError("None of your calls has a price, so there is nothing to compare. Nothing was written.")
    shape = call_shape(marts, source["source"], largest["from_model"])
    rows = alternatives(marts, source["source"], largest["from_model"], MAX_CANDIDATES)
    reasons = {shape["model_id"]: f"Yours: {largest['from_model']}."} | {
        row["to_model_id"]: f"Rank {row['public_rank']}. {row['try_reason'] or ''}".rstrip() for row in rows
    }
    costs = {
        row["model_id"]: row["cost_usd"]
        for row in marts.rows(
            _COSTS,
            models=list(reasons),
            **{name: shape[name] for name in ("prompt_tokens", "cached_tokens", "completion_tokens")},
        )
    }
    candidates = [Candidate(model_id, reason, costs.get(model_id)) for model_id, reason in reasons.items()]
    candidates.sort(key=lambda one: (one.cost_usd is None, one.cost_usd))
    words = (
        f"{shape['prompt_tokens']:,} prompt tokens ({shape['cached_tokens']:,} cached) and "
        f"{shape['completion_tokens']:,} completion tokens"
    )
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        folder / "promptfooconfig.yaml": promptfoo_config(candidates, words, notice),
        folder / "prompt.txt": PROMPT,
        folder / "cases.yaml": CASES,
    }
    kept = [path for path in texts if path.exists()]
    written = [path for path in texts if path not in kept]
    for path in written:
        write_atomically(path, texts[path].encode())
    return Written(written, kept, len(candidates), shape["calls"], words)
