"""The figures of the report, in the order of the page; `figure` says what a figure is.

Values come from the published marts. A query computes only what a chart needs beside them: sums of the members that
are not named, means over seven days, and shares of a range. Drawing is in `charts`, titles are in `findings`.
"""

from __future__ import annotations

from orchestration.publish.report.figures.figure import Figure, Section
from orchestration.publish.report.figures.growth import DRIVERS, GROWTH_OF_AUTHORS, TOTAL
from orchestration.publish.report.figures.models import LEADERBOARD, MODELS, SCORECARD
from orchestration.publish.report.figures.prices import INPUT_PRICE, OUTPUT_PRICE, PRICE_CHANGES
from orchestration.publish.report.figures.quality import ANOMALIES, CONCENTRATION, COVERAGE, RESTATEMENTS
from orchestration.publish.report.figures.spend import DOLLARS, SPEND
from orchestration.publish.report.figures.splits import AUTHORS, COUNTRIES, PAID, WEIGHTS
from orchestration.publish.report.figures.use import APPS, CATEGORIES

__all__ = ["FIGURES", "SECTIONS", "Figure", "Section"]

SECTIONS = (
    Section("models-and-prices", "Leading models", (LEADERBOARD, MODELS)),
    Section("who", "Authors, countries, weights", (AUTHORS, COUNTRIES, WEIGHTS, PAID)),
    Section("growing", "Growth", (TOTAL, DRIVERS, GROWTH_OF_AUTHORS)),
    Section("price", "Prices and spend", (PRICE_CHANGES, INPUT_PRICE, OUTPUT_PRICE, DOLLARS, SPEND)),
    Section("use", "Apps and categories", (APPS, CATEGORIES)),
    Section("investigate", "Worth a look", (ANOMALIES, SCORECARD)),
    Section("quality", "Concentration and data quality", (CONCENTRATION, COVERAGE, RESTATEMENTS)),
)
FIGURES = tuple(figure for section in SECTIONS for figure in section.figures)
