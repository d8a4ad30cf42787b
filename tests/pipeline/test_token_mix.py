"""Every figure that rests on the token split states the basis of the seed, word for word."""

import csv

from orchestration.folders import PROJECT_DIR
from orchestration.publish.report.figures.spend import SPEND

with (PROJECT_DIR / "seeds" / "token_mix.csv").open(encoding="utf-8", newline="") as file:
    BASIS = {row["mix_class"]: row["basis"] for row in csv.DictReader(file)}


def described(name: str) -> str:
    """The description of a column in models/columns.md."""
    text = (PROJECT_DIR / "models" / "columns.md").read_text(encoding="utf-8")
    return text.partition(f"{{% docs {name} %}}")[2].partition("{% enddocs %}")[0]


def test_classes_share_one_basis() -> None:
    assert len({basis for mix_class, basis in BASIS.items() if mix_class != "single_model"}) == 1


def test_total_states_its_basis() -> None:
    assert BASIS["from_2"] in described("spend_central")
    assert BASIS["from_2"] in (PROJECT_DIR / "models" / "marts" / "spend" / "traffic_summary.yml").read_text(
        encoding="utf-8"
    )


def test_ranges_of_models_state_their_basis() -> None:
    assert BASIS["single_model"] in described("spend_plausible_low")
    assert BASIS["single_model"] in SPEND.measure
