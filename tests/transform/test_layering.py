"""The layers of the dbt project, from its manifest: sources → staging → intermediate → marts, and no arrow back."""

from collections.abc import Iterator
from typing import Any

import pytest

from orchestration.transform.manifest import MANIFEST

# Layer → the layers that its models may read. Seeds are lookup tables: staging has no use for them.
MAY_READ = {
    "staging": {"source"},
    "intermediate": {"staging", "intermediate", "seed"},
    "marts": {"intermediate", "seed"},
}


def models() -> list[dict[str, Any]]:
    return [node for node in MANIFEST["nodes"].values() if node["resource_type"] == "model"]


def layers_read(model: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and layer of everything that a model reads."""
    for name in model["depends_on"]["nodes"]:
        kind = name.split(".", 1)[0]
        yield name, MANIFEST["nodes"][name]["schema"] if kind == "model" else kind


def test_every_model_is_in_a_known_layer() -> None:
    assert {model["schema"] for model in models()} == MAY_READ.keys()


@pytest.mark.parametrize("layer", MAY_READ)
def test_layer_reads_only_the_layers_below_it(layer: str) -> None:
    arrows = [
        f"{model['name']} reads {name}"
        for model in models()
        if model["schema"] == layer
        for name, read in layers_read(model)
        if read not in MAY_READ[layer]
    ]
    assert arrows == []


def test_layer_folder_and_prefix_agree() -> None:
    prefixes = {"staging": "stg_openrouter__", "intermediate": "int_"}
    for model in models():
        assert model["fqn"][1] == model["schema"], model["name"]
        assert model["name"].startswith(prefixes.get(model["schema"], "")), model["name"]
        assert model["schema"] != "marts" or "__" not in model["name"], model["name"]


def test_dagster_shows_a_data_test_at_a_model_it_reads() -> None:
    """`meta.dagster.ref.name` names the asset that a data test checks; it must be one that the test reads."""
    for node in MANIFEST["nodes"].values():
        if node["resource_type"] == "test" and (named := node["config"].get("meta", {}).get("dagster", {}).get("ref")):
            read = {name.rsplit(".", 1)[-1] for name in node["depends_on"]["nodes"]}
            assert named["name"] in read, node["name"]
