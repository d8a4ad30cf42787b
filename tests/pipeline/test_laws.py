"""Properties of every history: the data tests pass on generated responses, in any order of arrival."""

import datetime as dt
import hashlib
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from conftest import Run, differing
from in_memory import Compiled

ONE = dt.timedelta(days=1)
FIRST = dt.date(2026, 6, 1)
SLUGS = ["a/one", "a/one:free", "a/two", "b/one", "b/router", "c/one", "d/embedding"]
PRICES = [Decimal(0), Decimal("0.0000001"), Decimal("0.0000025"), Decimal("0.00003"), Decimal(-1), None]


def at(date: dt.date, hour: int = 1) -> dt.datetime:
    return dt.datetime.combine(date, dt.time(hour))


class History:
    """Generated responses about a few weeks: days are missing, are revised, and are cut to the length of the list."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.days = [FIRST + ONE * day for day in range(random.randint(2, 40))]
        self.missing = {day for day in self.days[1:] if random.random() < 0.04}
        self.list_length = random.randint(1, 6)
        self.tokens = {day: self._day() for day in self.days if day not in self.missing}
        for day in self.days:
            if day == self.days[-1] or random.random() < 0.3:
                self._rankings(day + ONE, "day")
        if random.random() < 0.5:
            self._rankings(self.days[-1] + ONE * 8, "week")
        for day in self.days:
            if random.random() < 0.4:
                self._models(day)
            if random.random() < 0.4:
                self._endpoints(day)
            if random.random() < 0.8 and day in self.tokens:
                self._apps(day)

    def _day(self) -> dict[str, int]:
        listed = [slug for slug in SLUGS if self.random.random() < 0.85] or SLUGS[:1]
        return {slug: self.random.choice([1, 7, 1000, 10**12, self.random.randint(1, 10**15)]) for slug in listed}

    def _cut(self, tokens: dict[str, int]) -> list[tuple[str, int]]:
        ranked = sorted(tokens.items(), key=lambda one: (-one[1], one[0]))
        rest = sum(count for _, count in ranked[self.list_length :])
        return ranked[: self.list_length] + ([("other", rest)] if rest else [])

    def _add(self, surface: str, as_of: dt.datetime, rows: list[dict[str, Any]], **request: Any) -> None:
        name = f"{surface}/{self.random.randrange(10**9)}"
        stamp = {"raw_file": name, "as_of": as_of, "fetched_at": as_of + dt.timedelta(minutes=1), "kind": "real"}
        stamp |= {"source_url": f"https://openrouter.ai/{surface}", "request_url": f"https://openrouter.ai/{name}"}
        stamp |= {"payload_sha256": hashlib.sha256(name.encode()).hexdigest(), "licence": "none stated"}
        response = {
            "surface": surface,
            "citation": f"{surface}, as of {as_of:%Y-%m-%dT%H:%M:%SZ}.",
            "rows": len(rows),
            **request,
        }
        self.rows.setdefault("responses", []).append(stamp | response)
        self.rows.setdefault(surface, []).extend(stamp | row for row in rows)

    def _rankings(self, on: dt.date, period: str) -> None:
        """A response with all days up to the day before `on`, some of them revised."""
        rows, weeks = [], {}
        for day, tokens in self.tokens.items():
            if day >= on:
                continue
            if self.random.random() < 0.1:
                tokens[self.random.choice(list(tokens))] += 1
            monday = day - ONE * day.weekday()
            for slug, count in tokens.items():
                weeks.setdefault(monday, {}).setdefault(slug, 0)
                weeks[monday][slug] += count
            if period == "day":
                rows += [{"date": day, "model_permaslug": slug, "total_tokens": n} for slug, n in self._cut(tokens)]
        if period == "week":
            rows = [
                {"date": monday, "model_permaslug": slug, "total_tokens": n}
                for monday, tokens in weeks.items()
                for slug, n in self._cut(tokens)
            ]
        window = {"start_date": self.days[0], "end_date": on - ONE}
        self._add("rankings", at(on), [row | {"period": period} for row in rows], period=period, **window)

    def _models(self, day: dt.date) -> None:
        rows = []
        for slug in SLUGS[:-1]:
            if self.random.random() < 0.8:
                base, _, variant = slug.partition(":")
                rows.append(
                    {
                        "id": slug,
                        "canonical_slug": base,
                        "name": slug,
                        "created": at(self.random.choice([FIRST - ONE * 90, day]), 0),
                        "context_length": self.random.choice([8_000, 200_000, 1_000_000, None]),
                        "supported_parameters": self.random.choice([["reasoning"], [], None]),
                        "pricing_input_cache_read": self.random.choice(PRICES),
                        "pricing_prompt": Decimal(0) if variant else self.random.choice(PRICES),
                        "pricing_completion": Decimal(0) if variant else self.random.choice(PRICES),
                    }
                )
        self._add("models", at(day, self.random.randint(2, 20)), rows)

    def _endpoints(self, day: dt.date) -> None:
        rows = [
            {
                "model_id": slug,
                "http_status": 200,
                "endpoint_no": number,
                "provider_name": self.random.choice("PQ"),
                "tag": "t",
                "status": self.random.choice([0, 0, -2]),
                "uptime_last_30m": self.random.choice([99.5, None]),
                "pricing_prompt": self.random.choice(PRICES),
                "pricing_completion": self.random.choice(PRICES),
                "pricing_discount": self.random.choice([Decimal(0), Decimal("0.3"), None]),
            }
            for slug in SLUGS[:-1]
            for number in range(1, self.random.randint(0, 3) + 1)
        ]
        self._add("endpoints", at(day, self.random.randint(2, 20)), rows)

    def _apps(self, day: dt.date) -> None:
        left, rows = sum(self.tokens[day].values()), []
        for app in range(1, 4):
            tokens = self.random.randint(0, left)
            if tokens and self.random.random() < 0.8:
                rows.append(
                    {"app_id": app, "app_name": f"App {app}", "total_tokens": tokens, "total_requests": 1 + app}
                )
                left -= tokens
        window = {"start_date": day, "end_date": day}
        self._add("apps", at(day + ONE, 3), [row | window for row in rows], **window)

    def shuffled(self) -> dict[str, list[dict[str, Any]]]:
        """The same responses, loaded in another order and stored under other file names."""
        names = {row["raw_file"]: f"renamed/{self.random.random()}" for row in self.rows["responses"]}
        renamed = {
            surface: [row | {"raw_file": names[row["raw_file"]]} for row in rows] for surface, rows in self.rows.items()
        }
        for rows in renamed.values():
            self.random.shuffle(rows)
        return renamed


@pytest.fixture(scope="module")
def compiled(few_run: Run) -> Compiled:
    return Compiled(few_run.data)


# Histories with missing days and with responses about weeks.
SEEDS = (5, 6)


@pytest.mark.parametrize(
    "seed", [*SEEDS, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(200) if seed not in SEEDS)]
)
def test_laws_hold_in_any_order_of_responses(compiled: Compiled, seed: int) -> None:
    history = History(Random(seed))
    with compiled.build(history.rows) as built, compiled.build(history.shuffled()) as shuffled:
        assert built.broken_laws() == {}
        assert differing(shuffled, built) == []
