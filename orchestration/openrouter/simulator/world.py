"""The data of the simulated OpenRouter: models, prices, endpoints, apps and tokens, by seed and day.

The data is a function of the settings: the same seed gives the same figures, at any time and in any order of requests.
Its statistics (curve of the top 50, share of `other`, restatements, prices) are close to those of real recordings; the
names are invented. Requests and faults are in `api`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import pairwise
from random import Random

from orchestration.openrouter.surfaces import APP_CATEGORIES, CATEGORIES, CONTEXT_BUCKETS
from orchestration.settings import Simulation

FIRST_DAY = dt.date(2025, 1, 1)
MISSING_DAYS = (dt.date(2025, 6, 15), dt.date(2025, 7, 15))
# Tokens per day in the middle of a month, in billions, with the magnitude and growth of real traffic.
_DAILY_BILLIONS = (
    (dt.date(2025, 1, 15), 73), (dt.date(2025, 4, 15), 277), (dt.date(2025, 8, 15), 500), (dt.date(2025, 12, 15), 867),
    (dt.date(2026, 2, 15), 1_780), (dt.date(2026, 5, 15), 4_000), (dt.date(2026, 7, 15), 8_000),
    (dt.date(2026, 9, 15), 19_000), (dt.date(2027, 9, 15), 60_000),
)  # fmt: skip
# Share of a day's tokens by rank: medians of the recordings. Below the last rank it falls by this factor per rank.
_RANKS = ((1, 0.116), (2, 0.097), (3, 0.085), (5, 0.058), (10, 0.0258), (20, 0.0103), (30, 0.0058), (50, 0.0022))
_TAIL = 0.966
# The day on which about `Simulation.models` ids are listed, and the share of them that is older than FIRST_DAY.
_REFERENCE_DAY = dt.date(2026, 11, 22)
_OLD_SHARE = 0.2
_FAMILIES_PER_LISTED_ID = 1.07
_WEEKDAYS = (1.02, 1.07, 1.1, 1.09, 1.02, 0.85, 0.86)

_AUTHORS = [
    "aurelith",
    "brontal",
    "cindrel",
    "dovenor",
    "eldwin",
    "farrowick",
    "gloamer",
    "hestral",
    "isinglow",
    "jorvane",
    "kelpwood",
    "lumenary",
    "morrowin",
    "nethering",
    "orrery",
    "pellucid",
    "quillon",
    "ravelin",
    "sablewick",
    "thistledown",
    "umberfall",
    "velloran",
    "wexcombe",
    "xanthine",
    "yarrowen",
    "zephyrine",
    "amberlock",
    "briarhelm",
    "coppervane",
    "duskmere",
    "emberlyn",
    "fernhollow",
    "goldenrook",
    "harrowgate",
    "ivorine",
    "juniperus",
    "kestrelle",
    "larkspire",
    "mossvale",
    "nightloom",
]
_FAMILIES = [
    "quill",
    "lantern",
    "harbor",
    "meadow",
    "anvil",
    "sextant",
    "thicket",
    "cinder",
    "kettle",
    "saffron",
    "willow",
    "gable",
]
_PLACES = [
    "Alder",
    "Bracken",
    "Cinder",
    "Drift",
    "Elm",
    "Fjord",
    "Glade",
    "Heath",
    "Inlet",
    "Jetty",
    "Knoll",
    "Lagoon",
    "Marsh",
    "Nook",
    "Orchard",
    "Pond",
    "Quay",
    "Reef",
    "Shoal",
    "Tarn",
]
_TRADES = ("Forge", "Harbor", "Mill")
_APPS = [
    "Lantern",
    "Teapot",
    "Umbrella",
    "Kite",
    "Marble",
    "Thimble",
    "Bellows",
    "Acorn",
    "Sundial",
    "Parasol",
    "Pebble",
    "Tinder",
    "Whistle",
    "Abacus",
    "Rook",
    "Satchel",
    "Candle",
    "Mortar",
    "Feather",
    "Anchor",
]
_APP_KINDS = ["Desk", "Scribe", "Loom", "Post", "Trail", "Garden", "Tower", "Cellar", "Bridge", "Stage"]
# Share of all tokens that the estimates by category and language type are sampled from.
_SAMPLED_SHARE = 0.0025


@dataclass(frozen=True)
class Event:
    """An anomaly that was generated on purpose; tests compare the detected anomalies with these."""

    date: dt.date
    kind: str
    subject: str


@dataclass(eq=False)
class Model:
    """One model id. `strength` is the logarithm of its weight in the traffic, `half_life` is in days.

    `wave` is amplitude and period of its ups and downs, `prompt` is its first price in USD per token, `price_changes`
    are days and factors, `away` is when it is temporarily not listed, `slices` maps a slice to its share of the tokens,
    `endpoints` are number of the provider, tag, price factor and quantization.
    """

    number: int
    id: str
    slug: str
    variant: str
    author: str
    name: str
    launched: dt.date
    retired: dt.date | None
    strength: float
    half_life: float
    wave: tuple[float, float]
    prompt: float
    completion_ratio: float
    cache_ratio: float | None
    price_changes: list[tuple[dt.date, float]]
    kind: str  # text, embeddings, router
    is_open: bool
    is_reasoning: bool
    reads_images: bool
    context: int
    override: str  # "", long, night
    away: tuple[dt.date, dt.date] | None = None
    slices: dict[str, float] = field(default_factory=dict)
    endpoints: list[tuple[int, str, float, str]] = field(default_factory=list)

    @property
    def permaslug(self) -> str:
        return self.slug if self.variant == "standard" else f"{self.slug}:{self.variant}"

    def is_listed(self, date: dt.date) -> bool:
        is_away = self.away is not None and self.away[0] <= date < self.away[1]
        return self.launched <= date and (self.retired is None or date < self.retired) and not is_away

    def price_factor(self, date: dt.date) -> float:
        """The price of a day divided by the first price."""
        return math.prod(factor for since, factor in self.price_changes if since <= date)

    def weight(self, date: dt.date) -> float:
        """Unscaled traffic of a day: it grows within days, declines over months, and varies in waves."""
        age = (date - self.launched).days
        if age < 0 or (self.retired is not None and date >= self.retired) or self.kind == "router":
            return 0.0
        wave = self.wave[0] * math.sin(age / self.wave[1])
        return math.exp(self.strength + wave - age / self.half_life) * (1 - math.exp(-(age + 1) / 6))


@dataclass(frozen=True)
class App:
    id: int
    names: tuple[tuple[dt.date, str], ...]
    category: str
    since: dt.date
    weight: float
    tokens_per_request: float

    def name(self, date: dt.date) -> str:
        return [name for since, name in self.names if since <= date or since == self.names[0][0]][-1]


# Final tokens of a day, the model, the share of tokens that is missing at first, and for how many days it is missing.
Traffic = tuple[int, Model, float, int]


def _launched(position: float) -> dt.date:
    """Launch day of a model; `position` is its number relative to the reference day. Launches become more frequent."""
    if position < _OLD_SHARE:
        return FIRST_DAY - dt.timedelta(days=round(300 * (1 - position / _OLD_SHARE)) + 1)
    days = (_REFERENCE_DAY - FIRST_DAY).days
    return FIRST_DAY + dt.timedelta(days=round(days * ((position - _OLD_SHARE) / (1 - _OLD_SHARE)) ** 0.7))


@cache
def _share(rank: int) -> float:
    """Share of a day's tokens at a rank, interpolated on a logarithmic scale."""
    for (above, high), (below, low) in pairwise(_RANKS):
        if rank <= below:
            part = math.log(rank / above) / math.log(below / above)
            return math.exp(math.log(high) + part * (math.log(low) - math.log(high)))
    return float(_RANKS[-1][1] * _TAIL ** (rank - _RANKS[-1][0]))


class World:
    """All data up to `last_day`. Days are UTC."""

    def __init__(self, settings: Simulation, last_day: dt.date) -> None:
        self.settings = settings
        self.last_day = last_day
        self.events: list[Event] = []
        self.providers = [
            (f"sim-{place.lower()}-{trade.lower()}", f"Sim {place} {trade}") for trade in _TRADES for place in _PLACES
        ]
        self.models = self._models()
        self.apps = self._apps()
        self.whale_days = self._whale_days()

    def _random(self, *key: object) -> Random:
        """A generator that depends on the seed and the key only."""
        return Random(f"{self.settings.seed}/{'/'.join(map(str, key))}")  # noqa: S311  # figures, not secrets

    # --- models -------------------------------------------------------------------------------------------------------

    def _models(self) -> list[Model]:
        """About `settings.models` ids that are listed on the reference day, and half as many that were retired earlier.

        A model depends on its number only, so a later clock only adds models.
        """
        found: list[Model] = []
        families = self.settings.models * _FAMILIES_PER_LISTED_ID
        number = 0
        while (launched := _launched(number / families)) <= self.last_day:
            for model in self._family(number, launched):
                model.number = len(found)
                found.append(model)
            number += 1
        return found

    def _family(self, number: int, launched: dt.date) -> Iterable[Model]:
        """One model with its variants."""
        random = self._random("model", number)
        kind = "router" if number % 120 == 7 else "embeddings" if number % 25 == 3 else "text"
        is_stealth = number % 60 == 11
        author = "sim-stealth" if is_stealth else f"sim-{_AUTHORS[int(len(_AUTHORS) * random.random() ** 2.8)]}"
        lifetime = random.randint(20, 45) if is_stealth else int(random.lognormvariate(5.9, 0.6))
        retired = launched + dt.timedelta(days=lifetime) if is_stealth or random.random() < 0.45 else None
        family = _FAMILIES[number % len(_FAMILIES)]
        base = f"{'sim-router' if kind == 'router' else author}/{family}-{number}"
        first = Model(
            number=0,
            id=base,
            slug=f"{base}-{launched:%Y%m%d}",
            variant="standard",
            author=base.split("/")[0],
            name=f"Sim {base.split('/')[0][4:].title()}: {family.title()} {number}",
            launched=launched,
            retired=retired,
            strength=min(random.gauss(0, 1), 2.6) * 2.55 - (4.0 if kind == "embeddings" else 0.0),
            half_life=random.uniform(120, 500),
            wave=(random.uniform(0, 0.5), random.uniform(8, 40)),
            prompt=0.0 if is_stealth else 10 ** random.gauss(-0.26, 0.6) / 1e6,
            completion_ratio=random.choice((2, 3, 4, 4, 4, 5, 8)),
            cache_ratio=random.choice((0.1, 0.1, 0.25, 0.5)) if random.random() < 0.59 else None,
            price_changes=self._price_changes(random, launched),
            kind=kind,
            is_open=random.random() < 0.4,
            is_reasoning=random.random() < 0.6,
            reads_images=random.random() < 0.45,
            context=random.choice((32_768, 131_072, 131_072, 262_144, 262_144, 1_048_576)),
            override=random.choices(("", "long", "night"), (0.84, 0.14, 0.02))[0],
        )
        if not is_stealth and random.random() < 0.03:
            gone = launched + dt.timedelta(days=random.randint(20, 50))
            first.away = (gone, gone + dt.timedelta(days=random.randint(2, 9)))
        self._distribute(first, random)
        yield first
        if kind != "text" or is_stealth:
            return
        if random.random() < 0.3:  # a promotion: free for some weeks
            until = launched + dt.timedelta(days=random.randint(15, 200))
            yield self._variant(first, "free", random, retired=until, prompt=0.0, strength=first.strength - 0.4)
        if random.random() < 0.03:
            yield self._variant(first, "thinking", random, retired=retired, strength=first.strength - 1.5)
        if random.random() < 0.10:
            yield self._variant(first, "batch", random, retired=retired, strength=first.strength - 3.0)

    def _variant(self, base: Model, variant: str, random: Random, **changed: object) -> Model:
        values = {**vars(base), "id": f"{base.id}:{variant}", "variant": variant, "name": f"{base.name} ({variant})"}
        model = Model(**{**values, "away": None, "slices": {}, "endpoints": [], **changed})
        self._distribute(model, random)
        return model

    def _distribute(self, model: Model, random: Random) -> None:
        """Set the model's slices and endpoints."""
        buckets = [random.random() * part for part in (0.6, 2.0, 2.0, 0.5, 0.03)]
        subjects = [random.random() ** 3 for _ in CATEGORIES]
        program = random.random()
        model.slices = {
            **{
                f"context_bucket={name}": part / sum(buckets)
                for name, part in zip(CONTEXT_BUCKETS, buckets, strict=True)
            },
            **{
                f"category={name}": _SAMPLED_SHARE * part / sum(subjects)
                for name, part in zip(CATEGORIES, subjects, strict=True)
            },
            "language_type=programming": _SAMPLED_SHARE * program,
            "language_type=natural": _SAMPLED_SHARE * (1 - program),
            "modality=text": 0.97,
            "modality=image": random.uniform(0.02, 0.2) if model.reads_images else 0.0,
            "modality=image_output": 0.05 if random.random() < 0.05 else 0.0,
            "modality=audio": 0.03 if random.random() < 0.08 else 0.0,
            "modality=tool_calling": random.uniform(0.1, 0.7) if model.kind == "text" else 0.0,
        }
        count = 0 if model.kind == "router" else min(1 + int(random.expovariate(0.275)), 25)
        for _ in range(count):
            provider = int(len(self.providers) * random.random() ** 1.4)
            quantization = random.choice(("unknown", "unknown", "fp8", "bf16", "fp4", "int4"))
            factor = random.choice((1.0, 1.0, 1.0, 1.1, 1.3, 2.0, 0.8))
            tag = self.providers[provider][0] + ("" if quantization == "unknown" else f"/{quantization}")
            model.endpoints.append((provider, tag, factor, quantization))

    def _price_changes(self, random: Random, launched: dt.date) -> list[tuple[dt.date, float]]:
        changes, date = [], launched
        while random.random() < 0.75:
            date += dt.timedelta(days=random.randint(5, 150))
            changes.append((date, random.choice((0.5, 0.75, 0.8, 0.87, 0.95, 1.05, 1.1, 1.2, 1.5))))
        return changes

    def listed(self, date: dt.date) -> list[Model]:
        return [model for model in self.models if model.is_listed(date)]

    # --- tokens -------------------------------------------------------------------------------------------------------

    def total_tokens(self, date: dt.date) -> float:
        """All tokens of a day: growth, a weekly rhythm and some noise."""
        for (before, low), (after, high) in pairwise(_DAILY_BILLIONS):
            if date <= after or after == _DAILY_BILLIONS[-1][0]:
                part = (date - before).days / (after - before).days
                level = math.exp(math.log(low) + part * (math.log(high) - math.log(low)))
                return level * 1e9 * _WEEKDAYS[date.weekday()] * self._random("total", date).lognormvariate(0, 0.04)
        raise AssertionError("the last pair of months covers every later day")

    @cache  # noqa: B019  # a world lives as long as its process
    def traffic(self, date: dt.date) -> list[Traffic]:
        """Every model's tokens of a day; empty for a day that is missing at the source."""
        if date in MISSING_DAYS or date < FIRST_DAY:
            return []
        random = self._random("day", date)
        weights = [(weight, model) for model in self.models if (weight := model.weight(date))]
        weights = [(weight * random.lognormvariate(0, 0.05), model) for weight, model in weights]
        ranked = sorted(weights, key=lambda pair: -pair[0])
        shares = [_share(rank) * random.lognormvariate(0, 0.1) for rank in range(1, len(ranked) + 1)]
        scale = self.total_tokens(date) / sum(shares)
        is_incomplete_at_first = random.random() < 0.02
        is_restated_late = random.random() < 0.01
        found: list[Traffic] = []
        for share, (_, model) in zip(shares, ranked, strict=True):
            missing_share, restated_after_days = 0.0, 0
            if is_incomplete_at_first:
                missing_share, restated_after_days = min(abs(random.gauss(0.018, 0.012)), 0.055), 3
            elif is_restated_late:
                missing_share, restated_after_days = 2e-4, 75
            elif random.random() < 0.55:
                missing_share, restated_after_days = 10 ** random.gauss(-5.1, 0.5), 2
            tokens = share * scale
            for _, whale, factor in self.whale_days.get(date, ()):
                tokens *= factor if model is whale else 1.0
            if tokens >= 1:
                found.append((int(tokens), model, missing_share, restated_after_days))
        return found

    def reported_tokens(self, date: dt.date, reported_on: dt.date) -> list[tuple[int, Model]]:
        """The tokens of a day as the source reports them on a later day; revisions only add tokens."""
        age_days = (reported_on - date).days
        return [
            (int(tokens * (1 - missing_share)) if age_days < restated_after_days else tokens, model)
            for tokens, model, missing_share, restated_after_days in self.traffic(date)
        ]

    def _whale_days(self) -> dict[dt.date, list[tuple[App, Model, float]]]:
        """Spikes of one account: an app and a model with a multiple of their tokens, for two days each."""
        found: dict[dt.date, list[tuple[App, Model, float]]] = {}
        random = self._random("whale")
        date = FIRST_DAY + dt.timedelta(days=40)
        while date <= self.last_day:
            alive = sorted(self.models, key=lambda model: -model.weight(date))[15:40]
            model, app = random.choice(alive), random.choice(self.apps[:40])
            self.events.append(Event(date, "token_spike", model.permaslug))
            self.events.append(Event(date, "app_spike", str(app.id)))
            for day in (date, date + dt.timedelta(days=1)):
                found.setdefault(day, []).append((app, model, 8.0))
            date += dt.timedelta(days=random.randint(45, 90))
        return found

    # --- apps ---------------------------------------------------------------------------------------------------------

    def _apps(self) -> list[App]:
        apps = []
        for number in range(200):
            random = self._random("app", number)
            name = f"Sim {_APPS[number % len(_APPS)]} {_APP_KINDS[number // len(_APPS)]}"
            since = FIRST_DAY
            if number % 4 == 3:
                since += dt.timedelta(days=random.randint(0, 660))
            names = [(since, name)]
            if number % 17 == 2:
                names.append((since + dt.timedelta(days=random.randint(60, 400)), f"{name} Two"))
            apps.append(
                App(
                    id=900_000 + number * 7,
                    names=tuple(names),
                    category=APP_CATEGORIES[number % len(APP_CATEGORIES)],
                    since=since,
                    weight=0.13 / (number + 1) ** 1.35,
                    tokens_per_request=random.lognormvariate(math.log(45_000), 0.9),
                )
            )
        return apps

    @cache  # noqa: B019
    def app_traffic(self, date: dt.date) -> list[int]:
        """Tokens of a day by app, in the order of `apps`."""
        if date in MISSING_DAYS or date < FIRST_DAY:
            return [0] * len(self.apps)
        random, total = self._random("apps", date), self.total_tokens(date)
        whales = {app.id for app, _, _ in self.whale_days.get(date, ())}
        return [
            int(total * app.weight * random.lognormvariate(0, 0.15) * (6 if app.id in whales else 1))
            if app.since <= date
            else 0
            for app in self.apps
        ]

    @cached_property
    def unlisted_models(self) -> set[str]:
        """Ids that have traffic but are missing from the default list of models, which contains text models only."""
        return {model.id for model in self.models if model.kind == "embeddings"}
