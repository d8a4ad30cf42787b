"""A response is read whole or not at all, and nothing in it is lost."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.errors import ResponseError
from orchestration.openrouter.surfaces import MODELS, RANKINGS, Observation, Surface

MOMENT = dt.datetime(2026, 7, 3, 0, 5, tzinfo=dt.UTC)
META = {"as_of": "2026-07-03T00:05:00.000Z", "version": "v1", "start_date": "2026-07-01", "end_date": "2026-07-02"}


def read(surface: Surface, body: Any) -> Any:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return surface.read(Observation("a response", payload, MOMENT))


def rankings(*rows: dict[str, Any], **meta: Any) -> dict[str, Any]:
    return {"data": list(rows), "meta": META | meta}


def row(**fields: Any) -> dict[str, Any]:
    return {"date": "2026-07-01", "model_permaslug": "a/one", "total_tokens": "1"} | fields


def model(**fields: Any) -> dict[str, Any]:
    return {"id": "a/one", "pricing": {"prompt": "0.000001", "completion": "0.000002"}} | fields


def test_rankings_carry_what_was_asked_and_when_it_was_made() -> None:
    answer = read(RANKINGS, rankings(row(), row(model_permaslug="other", total_tokens="9007199254740993")))
    assert answer.as_of == MOMENT
    assert json.loads(answer.envelope) == {"meta": META}
    assert answer.table.column("total_tokens").to_pylist() == [1, 9007199254740993]
    assert answer.table.column("period").to_pylist() == ["day", "day"]
    assert RANKINGS.request_url(answer.params).endswith(
        "/datasets/rankings-daily?end_date=2026-07-02&start_date=2026-07-01"
    )


def test_a_day_that_the_source_lost_is_an_answer_without_rows() -> None:
    answer = read(RANKINGS, rankings(start_date="2026-07-01", end_date="2026-07-01"))
    assert answer.table.num_rows == 0
    assert answer.params == {"start_date": "2026-07-01", "end_date": "2026-07-01"}


def test_what_stands_around_the_rows_is_kept() -> None:
    answer = read(MODELS, {"data": [model()], "total_count": 1, "notice": {"until": 1.5}, "links": {"next": None}})
    assert json.loads(answer.envelope) == {"links": {"next": None}, "notice": {"until": 1.5}, "total_count": 1}


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "not JSON"),
        (b"<html>busy</html>", "not JSON"),
        ([], "body is list"),
        ({"data": {}, "meta": META}, "`data` is dict"),
        ({"data": []}, "`meta` is NoneType"),
        (rankings(as_of="yesterday"), "'yesterday'"),
        (rankings(start_date=None), "start_date"),
        (rankings(row(), "row"), "row 1"),
        (rankings(row(total_tokens="-5")), "'-5'"),
        (rankings(row(total_tokens=-5)), "-5"),
        (rankings(row(total_tokens="1.5")), "'1.5'"),
        (rankings(row(total_tokens=1.5)), "total_tokens"),
        (rankings(row(total_tokens=True)), "total_tokens"),
        (rankings(row(total_tokens=str(2**63))), str(2**63)),
        (rankings(row(date="2026-7-1")), "'2026-7-1'"),
        (rankings(row(date="2026-07-09")), "outside"),
        (rankings(row(date="2026-W27-3")), "'2026-W27-3'"),
        (rankings(row(model_permaslug=None)), "model_permaslug"),
        (rankings(), "no row for any day from 2026-07-01 to 2026-07-02"),
        (rankings(row(), as_of="2026-07-04T00:00:00Z"), "lies after it was fetched"),
        (rankings(row(), start_date="2026-07-02", end_date="2026-07-01"), "is no window"),
        (rankings(row(), end_date="2099-01-01"), "is no window"),
        (b"[" * 100_000, "not JSON"),
        (rankings(row(), row(total_tokens="2")), "a/one on 2026-07-01 stands there twice"),
    ],
)
def test_rankings_that_cannot_be_read_whole_are_refused(body: Any, word: str) -> None:
    with pytest.raises(ResponseError) as raised:
        read(RANKINGS, body)
    message = str(raised.value)
    assert message.startswith("a response cannot be read")
    assert word in message
    assert "every other response is kept" in message


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"data": [model(id=None)]}, "`id`"),
        ({"data": [model(), model()]}, "a/one stands there twice"),
        ({"data": [model(pricing="free")]}, "no model in it has a prompt price"),
        ({"data": []}, "no model in it has a prompt price"),
        ({"data": [model()], "links": {"next": "/api/v1/models?offset=500"}}, "first page"),
    ],
)
def test_models_that_cannot_be_read_whole_are_refused(body: Any, word: str) -> None:
    with pytest.raises(ResponseError, match="cannot be read") as raised:
        read(MODELS, body)
    assert word in str(raised.value)


def test_a_model_is_typed_and_the_rest_of_it_kept() -> None:
    answer = read(
        MODELS,
        {
            "data": [
                model(
                    created=1786034890,
                    context_length="a lot",
                    architecture={"modality": "text->text", "input_modalities": ["text"], "heads": 8},
                    pricing={
                        "prompt": "0.00000100000000000000015",
                        "completion": "-1",
                        "request": "0.0000000000000000000000000001",
                        "tea": "1",
                        "image": "200",
                        "audio": "1_0",
                        "overrides": [{"min_prompt_tokens": 200000.0, "prompt": "2e-6", "utc_days": ["mon"]}],
                    },
                    brand_new={},
                )
            ]
        },
    ).table.to_pylist()[0]
    assert answer["created"] == dt.datetime(2026, 8, 6, 16, 48, 10, tzinfo=dt.UTC)
    assert answer["pricing_prompt"] == Decimal("0.00000100000000000000015")
    assert answer["pricing_completion"] == -1
    override = answer["pricing_overrides"][0]
    assert (override["min_prompt_tokens"], override["prompt"]) == (200000, Decimal("0.000002"))
    assert json.loads(override["extra"]) == {"utc_days": ["mon"]}
    # Of another type, more precise than the column, no price at all, or unknown: kept as it came.
    assert answer["context_length"] is None
    assert answer["pricing_request"] is None
    assert json.loads(answer["extra"]) == {
        "architecture": {"heads": 8},
        "brand_new": {},
        "context_length": "a lot",
        "pricing": {
            "audio": "1_0",
            "image": "200",
            "request": "0.0000000000000000000000000001",
            "tea": "1",
        },
    }


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(unknown=st.dictionaries(st.text(min_size=1, max_size=8).map(lambda name: f"x_{name}"), JSON_VALUES, max_size=4))
def test_no_unknown_field_is_ever_lost(unknown: dict[str, Any]) -> None:
    for surface, body in ((RANKINGS, rankings(row(**unknown))), (MODELS, {"data": [model(**unknown)]})):
        extra = read(surface, body).table.column("extra").to_pylist()[0]
        assert json.loads(extra or "{}") == unknown


@given(tokens=st.integers(0, 2**63 - 1))
def test_token_counts_stay_exact(tokens: int) -> None:
    answer = read(RANKINGS, rankings(row(total_tokens=str(tokens))))
    assert answer.table.column("total_tokens").to_pylist() == [tokens]


@given(digits=st.integers(0, 10**13), scale=st.integers(13, 24))
def test_prices_stay_exact(digits: int, scale: int) -> None:
    price = Decimal(digits).scaleb(-scale)
    answer = read(MODELS, {"data": [model(pricing={"prompt": str(price), "completion": "0"})]})
    assert answer.table.column("pricing_prompt").to_pylist() == [price]
