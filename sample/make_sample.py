"""Make the sample from the recorded responses, byte for byte the same each time:

    .venv/bin/python sample/make_sample.py [../shared/data/openrouter]

It writes `rankings-daily/`, `app-rankings/` and `models/` beside this file, in the layout of a folder to replay. It
belongs to the data, not to the product, so it imports nothing from it. `LICENSE-DATA.md` states what the sample may be
used for; what `FIELDS` does not list is left out of it. If the sample changes, delete `data/sample`: its lake would
keep the responses of both.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

SAMPLE = Path(__file__).resolve().parent
RECORDINGS = SAMPLE.parent.parent / "shared" / "data" / "openrouter"
FIELDS = {
    "rankings-daily": ("date", "model_permaslug", "total_tokens"),
    "app-rankings": ("rank", "app_id", "app_name", "total_tokens", "total_requests"),
    "models": ("id", "canonical_slug", "name", "created", "context_length", "pricing"),
    "meta": ("as_of", "version", "start_date", "end_date"),
    "pricing": (
        "prompt",
        "completion",
        "input_cache_read",
        "input_cache_write",
        "input_cache_write_1h",
        "internal_reasoning",
        "overrides",
    ),
}
# The conditions of a price that applies to a part of the requests.
CONDITIONS = ("min_prompt_tokens", "utc_start", "utc_end")
# Every model list from here on; the days of the rankings begin on 23 May.
FIRST_DAILY_LIST = dt.datetime(2026, 5, 22, tzinfo=dt.UTC)
FIRST_LIST = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
# A day is reported shortly after it ends and revised by the next response. With the responses of each Monday and
# Tuesday, the weeks and their revisions are in the sample; in these stretches, every day's revision is.
EVERY_RESPONSE = ((dt.date(2026, 6, 25), dt.date(2026, 6, 28)), (dt.date(2026, 8, 1), dt.date(2026, 8, 7)))
MONDAY, TUESDAY, SUNDAY = 0, 1, 6

Body = dict[str, Any]


def recorded_at(path: Path) -> dt.datetime:
    return dt.datetime.fromisoformat(path.name[: len("20260622T050037Z")])


def read(folder: Path) -> Iterator[tuple[Path, Body]]:
    for path in sorted(folder.glob("*.json.gz")):
        yield path, json.loads(gzip.decompress(path.read_bytes()))


def write(path: Path, body: Body) -> None:
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


def only(row: Mapping[str, Any], names: tuple[str, ...]) -> Body:
    return {name: row[name] for name in names if name in row}


def only_facts(surface: str) -> Callable[[Body], Body]:
    """The body with the listed fields of its rows and of `meta`."""

    def reduced(body: Body) -> Body:
        rows = [only(row, FIELDS[surface]) for row in body["data"]]
        return {"data": rows, "meta": only(body["meta"], FIELDS["meta"])}

    return reduced


def is_chosen_ranking(recorded: dt.date) -> bool:
    return recorded.weekday() in (MONDAY, TUESDAY) or any(first <= recorded <= last for first, last in EVERY_RESPONSE)


def is_calendar_period(meta: Mapping[str, str]) -> bool:
    """Whether a list of apps is that of a day, a week or a month: the tables have no other periods."""
    first, last = dt.date.fromisoformat(meta["start_date"]), dt.date.fromisoformat(meta["end_date"])
    is_week = (last - first).days == SUNDAY and last.weekday() == SUNDAY
    is_month = first.day == 1 and (last + dt.timedelta(days=1)).day == 1 and first.month == last.month
    return first == last or is_week or is_month


def token_prices(pricing: Mapping[str, Any]) -> Body:
    prices = only(pricing, FIELDS["pricing"])
    if overrides := prices.get("overrides"):
        prices["overrides"] = [only(one, CONDITIONS + FIELDS["pricing"]) for one in overrides]
    return prices


def permaslug(model: Mapping[str, Any]) -> str:
    """The name of a listed model in the rankings; a variant, such as `:free`, is listed as a model of its own."""
    return f"{model.get('canonical_slug')}{''.join(model['id'].partition(':')[1:])}"


def chosen_lists(lists: list[tuple[Path, Body]]) -> Iterator[tuple[Path, Body]]:
    """The first list of each quarter, and every list of the months of the rankings."""
    quarters = set()
    for path, body in lists:
        at = recorded_at(path)
        quarter = at.year, (at.month - 1) // 3
        if at >= FIRST_DAILY_LIST or (at >= FIRST_LIST and quarter not in quarters):
            yield path, body
        quarters.add(quarter)


def make_sample(recordings: Path, sample: Path) -> None:
    """Write the sample. Nothing in it is newer than the newest response of the rankings, the clock of a replay."""
    for name in ("rankings-daily", "app-rankings", "models"):
        shutil.rmtree(sample / name, ignore_errors=True)
    rankings = [one for one in read(recordings / "rankings-daily") if is_chosen_ranking(recorded_at(one[0]).date())]
    until = recorded_at(rankings[-1][0])
    slugs = {row["model_permaslug"] for _, body in rankings for row in body["data"]}
    for path, body in rankings:
        write(sample / "rankings-daily" / path.name, only_facts("rankings-daily")(body))
    for path, body in read(recordings / "app-rankings"):
        if recorded_at(path) <= until and is_calendar_period(body["meta"]):
            write(sample / "app-rankings" / path.name, only_facts("app-rankings")(body))
    lists = [one for one in read(recordings / "models") if recorded_at(one[0]) <= until]
    # An id can refer to several models one after the other, and a model have several ids.
    ids = {model["id"] for _, body in lists for model in body["data"] if permaslug(model) in slugs}
    for path, body in chosen_lists(lists):
        rows = [
            only(model, FIELDS["models"]) | {"pricing": token_prices(model["pricing"])}
            for model in body["data"]
            if model["id"] in ids
        ]
        write(sample / "models" / path.name, {"data": rows})


if __name__ == "__main__":
    make_sample(Path(sys.argv[1]) if sys.argv[1:] else RECORDINGS, SAMPLE)
