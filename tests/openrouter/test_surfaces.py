"""A response is parsed whole or not at all, and no field of it is lost."""

import datetime as dt
import hashlib
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.errors import ResponseError
from orchestration.openrouter.surfaces import (
    APPS,
    BENCHMARKS,
    ENDPOINTS,
    MODELS,
    PROVIDERS,
    RANKINGS,
    RANKINGS_EXPORT,
    SESSION_COST,
    SURFACES,
    TASKS,
    Response,
    Surface,
)

FETCHED_AT = dt.datetime(2026, 7, 3, 0, 5, tzinfo=dt.UTC)
META = {"as_of": "2026-07-03T00:05:00.000Z", "version": "v1", "start_date": "2026-07-01", "end_date": "2026-07-02"}


def parse(surface: Surface, body: Any) -> Any:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return surface.parse(Response("a response", payload, FETCHED_AT))


def rankings(*rows: dict[str, Any], **meta: Any) -> dict[str, Any]:
    return {"data": list(rows), "meta": META | meta}


def row(**fields: Any) -> dict[str, Any]:
    return {"date": "2026-07-01", "model_permaslug": "a/one", "total_tokens": "1"} | fields


def model(**fields: Any) -> dict[str, Any]:
    return {"id": "a/one", "pricing": {"prompt": "0.000001", "completion": "0.000002"}} | fields


def test_rankings_have_as_of_request_and_envelope() -> None:
    parsed = parse(RANKINGS, rankings(row(), row(model_permaslug="other", total_tokens="9007199254740993")))
    assert parsed.as_of == FETCHED_AT
    assert json.loads(parsed.envelope) == {"meta": META}
    assert parsed.table.column("total_tokens").to_pylist() == [1, 9007199254740993]
    assert parsed.table.column("period").to_pylist() == ["day", "day"]
    assert RANKINGS.request_url(parsed.params).endswith(
        "/datasets/rankings-daily?end_date=2026-07-02&start_date=2026-07-01"
    )


def test_day_missing_at_the_source_has_no_rows() -> None:
    parsed = parse(RANKINGS, rankings(start_date="2026-07-01", end_date="2026-07-01"))
    assert parsed.table.num_rows == 0
    assert parsed.params == {"start_date": "2026-07-01", "end_date": "2026-07-01"}


def test_fields_outside_the_rows_are_kept() -> None:
    parsed = parse(MODELS, {"data": [model()], "total_count": 1, "notice": {"until": 1.5}, "links": {"next": None}})
    assert json.loads(parsed.envelope) == {"links": {"next": None}, "notice": {"until": 1.5}, "total_count": 1}


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "not JSON"),
        (b"<html>busy</html>", "not JSON"),
        ([], "body is an array"),
        ({"data": {}, "meta": META}, "`data` is an object"),
        ({"data": []}, "`meta` is missing"),
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
        (rankings(), "no rows for any day from 2026-07-01 to 2026-07-02"),
        (rankings(row(), as_of="2026-07-04T00:00:00Z"), "later than it was fetched"),
        (rankings(row(), start_date="2026-07-02", end_date="2026-07-01"), "is not a valid window"),
        (rankings(row(), end_date="2099-01-01"), "is not a valid window"),
        (b"[" * 100_000, "not JSON"),
        (rankings(row(), row(total_tokens="2")), "a/one on 2026-07-01 appears twice"),
    ],
)
def test_malformed_rankings_are_refused(body: Any, word: str) -> None:
    with pytest.raises(ResponseError) as raised:
        parse(RANKINGS, body)
    message = str(raised.value)
    assert message.startswith("a response cannot be parsed")
    assert word in message
    assert "all other responses are kept" in message


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"data": [model(id=None)]}, "`id`"),
        ({"data": [model(), model()]}, "a/one appears twice"),
        ({"data": [model(pricing={})]}, "none of its models has a prompt price"),
        ({"data": [model()], "total_count": 2}, "lists 1 models, but `total_count` is 2"),
        ({"data": []}, "none of its models has a prompt price"),
        ({"data": [model()], "links": {"next": "/api/v1/models?offset=500"}}, "first page"),
    ],
)
def test_malformed_models_are_refused(body: Any, word: str) -> None:
    with pytest.raises(ResponseError, match="cannot be parsed") as raised:
        parse(MODELS, body)
    assert word in str(raised.value)


def test_model_is_typed_and_other_fields_are_kept() -> None:
    parsed = parse(
        MODELS,
        {
            "data": [
                model(
                    created=1786034890,
                    context_length=2**70,
                    architecture={"modality": "text->text", "input_modalities": ["text"], "heads": 8},
                    pricing={
                        "prompt": "0.00000100000000000000015",
                        "completion": "-1",
                        "request": "0.0000000000000000000000000001",
                        "tea": "1",
                        "image": "200",
                        "overrides": [{"min_prompt_tokens": 200000.0, "prompt": "2e-6", "utc_days": ["mon"]}],
                    },
                    brand_new={},
                )
            ]
        },
    ).table.to_pylist()[0]
    assert parsed["created"] == dt.datetime(2026, 8, 6, 16, 48, 10, tzinfo=dt.UTC)
    assert parsed["pricing_prompt"] == Decimal("0.00000100000000000000015")
    assert parsed["pricing_completion"] == -1
    override = parsed["pricing_overrides"][0]
    assert (override["min_prompt_tokens"], override["prompt"]) == (200000, Decimal("0.000002"))
    assert json.loads(override["extra"]) == {"utc_days": ["mon"]}
    # Too large, more precise than the column, not a price, or unknown: kept unchanged.
    assert parsed["context_length"] is None
    assert parsed["pricing_request"] is None
    assert json.loads(parsed["extra"]) == {
        "architecture": {"heads": 8},
        "brand_new": {},
        "context_length": 2**70,
        "pricing": {
            "image": "200",
            "request": "0.0000000000000000000000000001",
            "tea": "1",
        },
    }


@pytest.mark.parametrize(
    ("surface", "row", "field"),
    [
        (MODELS, {"id": "a/one", "context_length": "a lot"}, "context_length"),
        (MODELS, {"id": "a/one", "context_length": 8192.5}, "context_length"),
        (MODELS, {"id": "a/one", "name": 7}, "name"),
        (MODELS, {"id": "a/one", "pricing": "free"}, "pricing"),
        (MODELS, {"id": "a/one", "pricing": {"prompt": "cheap"}}, "prompt"),
        (MODELS, {"id": "a/one", "pricing": {"prompt": "1_0"}}, "prompt"),
        (MODELS, {"id": "a/one", "pricing": {"overrides": [{"prompt": {}}]}}, "prompt"),
        (MODELS, {"id": "a/one", "supported_parameters": ["a", 1]}, "supported_parameters"),
        (MODELS, {"id": "a/one", "top_provider": {"is_moderated": "no"}}, "is_moderated"),
        (MODELS, {"id": "a/one", "created": "2026-07-03"}, "created"),
        (PROVIDERS, {"slug": "a", "datacenters": "US"}, "datacenters"),
        (APPS, {"rank": 1, "app_id": "1", "total_tokens": "1"}, "app_id"),
        (APPS, {"rank": 1, "app_id": 1, "total_tokens": "1.5"}, "total_tokens"),
        (SESSION_COST, {"app_slug": "a", "model_permaslug": "m", "turn_range": 1}, "turn_range"),
        (BENCHMARKS, {"source": "openrouter", "model_permaslug": "m", "accuracy": "high"}, "accuracy"),
        (
            BENCHMARKS,
            {"source": "openrouter", "model_permaslug": "m", "last_run_timestamp": "now"},
            "last_run_timestamp",
        ),
    ],
)
def test_field_of_another_type_is_named(surface: Surface, row: dict[str, Any], field: str) -> None:
    with pytest.raises(ResponseError) as raised:
        parse(surface, {"data": [row], "meta": META})
    message = str(raised.value)
    assert message.startswith(f"a response cannot be parsed as a response of {surface.path} ({surface.name}): row 0")
    assert f"`{field}` is " in message
    assert "; expected " in message


# A body with one row of JSON text that `json.dumps` cannot produce.
def raw_row(surface: Surface, row: str) -> bytes:
    if surface is ENDPOINTS:
        return f'{{"a/one": {{"data": {{"endpoints": [{row}]}}}}}}'.encode()
    priced = ', {"id": "a/priced", "pricing": {"prompt": "0"}}' if surface is MODELS else ""
    return f'{{"data": [{row}{priced}], "meta": {json.dumps(META)}}}'.encode()


@pytest.mark.parametrize(
    ("surface", "row", "column", "kept"),
    [
        (MODELS, '{"id": "a/one", "pricing": {"prompt": "1E+1000000"}}', "pricing_prompt", "1E+1000000"),
        (MODELS, '{"id": "a/one", "pricing": {"prompt": 1E+1000000}}', "pricing_prompt", "1E+1000000"),
        (MODELS, '{"id": "a/one", "pricing": {"prompt": "-1E+9999999999999999999"}}', "pricing_prompt", "-1E+99999"),
        (MODELS, '{"id": "a/one", "context_length": 1E+9999999999999999999}', "context_length", "1E+99999999999"),
        (MODELS, f'{{"id": "a/one", "context_length": {"9" * 400}}}', "context_length", "9" * 400),
        (MODELS, f'{{"id": "a/one", "context_length": {"9" * 5000}}}', "context_length", "9" * 5000),
        (MODELS, '{"id": "a/one", "created": 1000000000000000000}', "created", "1000000000000000000"),
        (MODELS, '{"id": "a/one", "pricing": {"overrides": [{"utc_end": 2147483648}]}}', "", "2147483648"),
        (ENDPOINTS, '{"status": 1000000000000000000}', "status", "1000000000000000000"),
        (ENDPOINTS, '{"uptime_last_1d": 1e400}', "uptime_last_1d", "1E+400"),
        (ENDPOINTS, f'{{"latency_last_30m": {{"p50": {"9" * 400}}}}}', "latency_last_30m", "9" * 400),
        (
            BENCHMARKS,
            '{"source": "s", "model_permaslug": "m", "last_run_timestamp": "0001-01-01T00:00:00+23:59"}',
            "last_run_timestamp",
            "0001-01-01T00:00:00+23:59",
        ),
        (APPS, '{"rank": 1, "app_id": 1, "total_tokens": "1", "total_requests": -1}', "total_requests", "-1"),
    ],
)
def test_value_beyond_its_column_is_kept_in_extra(surface: Surface, row: str, column: str, kept: str) -> None:
    found = parse(surface, raw_row(surface, row)).table.to_pylist()[0]
    if column:
        assert found[column] is None
        assert kept in found["extra"]
    else:
        [override] = found["pricing_overrides"]
        assert (override["utc_end"], override["extra"]) == (None, '{"utc_end":2147483648}')


def test_required_value_beyond_its_column_is_named() -> None:
    with pytest.raises(ResponseError, match=r"row 0 of `data`: `rank` is 1E\+1000000; expected integer"):
        parse(APPS, raw_row(APPS, '{"rank": 1E+1000000, "app_id": 1, "total_tokens": "1"}'))
    with pytest.raises(ResponseError, match=r"`as_of` is '0001-01-01T00:00:00\+23:59'; expected timestamp"):
        parse(RANKINGS, rankings(row(), as_of="0001-01-01T00:00:00+23:59"))


def test_half_a_surrogate_pair_is_replaced() -> None:
    escaped = raw_row(MODELS, r'{"id": "a/one", "name": "\ud800 \\ud800 \ud83d\ude00", "new\udc00": "\udfff"}')
    found = parse(MODELS, escaped).table.to_pylist()[0]
    assert found["name"] == "\ufffd \\ud800 \U0001f600"
    assert json.loads(found["extra"]) == {"new\ufffd": "\ufffd"}
    found = parse(MODELS, raw_row(MODELS, '{"id": "a/one", "name": "@"}').replace(b"@", b"\xed\xa0\x80"))
    assert found.table.to_pylist()[0]["name"] == "\ufffd"


def test_any_exception_of_a_parser_refuses_the_response() -> None:
    def fail(_: Response) -> Any:
        raise OverflowError("an unexpected\nvalue")

    with pytest.raises(ResponseError) as raised:
        parse(replace(MODELS, _parse=fail), {})
    assert "a response cannot be parsed as a response of /models" in str(raised.value)
    assert "OverflowError: an unexpected value" in str(raised.value)
    assert "all other responses are kept" in str(raised.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_byte_order_marks_and_utf_16_are_parsed(encoding: str) -> None:
    body = json.dumps({"data": [model(name="Ä")]}, ensure_ascii=False)
    assert parse(MODELS, body.encode(encoding)).table.column("name").to_pylist() == ["Ä"]
    assert export(LINES.decode().encode(encoding), row_count=2).table.num_rows == 2


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_nan_and_infinity_are_not_json(number: str) -> None:
    with pytest.raises(ResponseError, match=f"not JSON \\({number} is not a JSON value"):
        parse(MODELS, raw_row(MODELS, f'{{"id": "a/one", "new": {number}}}'))


def test_name_repeated_with_another_value_is_refused() -> None:
    twice = '{"id": "a/one", "context_length": 1, "context_length": %s}'
    with pytest.raises(ResponseError, match="row 0 of `data` contains `context_length` twice"):
        parse(MODELS, raw_row(MODELS, twice % 2))
    assert parse(MODELS, raw_row(MODELS, twice % 1)).table.column("context_length").to_pylist() == [1, None]
    one, two = (json.dumps({"a/one": {"error": {"code": code}}})[1:-1] for code in (404, 502))
    with pytest.raises(ResponseError, match="the body contains `a/one` twice"):
        parse(ENDPOINTS, f"{{{one}, {two}}}".encode())


UNDER_200 = {"error": {"code": 402, "message": "Insufficient credits\nfor sk-or-v1-0123abcd"}}


@pytest.mark.parametrize("surface", [one for one in SURFACES.values() if one is not RANKINGS_EXPORT])
def test_error_object_under_status_200_is_reported(surface: Surface) -> None:
    with pytest.raises(ResponseError) as raised:
        parse(surface, UNDER_200)
    assert "the API returned error 402 (Insufficient credits for •••) instead of data" in str(raised.value)


NEXT_PAGE_MARKERS = {
    "has_more": {"has_more": True},
    "next_cursor": {"next_cursor": "abc"},
    "nextPageToken": {"nextPageToken": 7},
    "links.next": {"links": {"next": {"href": "/api/v1/x?offset=500"}}},
    "meta.next": {"meta": META | {"next": "/api/v1/x?offset=500"}},
    "meta.pagination.has_more": {"meta": META | {"pagination": {"has_more": True}}},
}
COMPLETE: dict[str, dict[str, Any]] = {
    "rankings": rankings(row()),
    "models": {"data": [model()], "total_count": 1},
    "providers": {"data": [{"slug": "a"}]},
    "apps": {"data": [{"rank": 1, "app_id": 1, "total_tokens": "1"}], "meta": META},
    "session_cost": {"data": [{"app_slug": "a", "model_permaslug": "m", "turn_range": "1-turn"}], "meta": META},
    "benchmarks": {"data": [{"source": "openrouter", "model_permaslug": "m"}], "meta": META},
    "tasks": {"data": {"as_of": "2026-07-02", "classifications": [{"tag": "code:x"}]}},
}


@pytest.mark.parametrize("name", COMPLETE)
@pytest.mark.parametrize("marker", NEXT_PAGE_MARKERS)
def test_list_with_unfetched_pages_is_refused(name: str, marker: str) -> None:
    whole = COMPLETE[name]
    with pytest.raises(ResponseError, match=f"only a part of the list.*`{marker}` is set"):
        parse(SURFACES[name], whole | NEXT_PAGE_MARKERS[marker])
    unset = {"has_more": False, "next_cursor": None, "next": "", "links": {"next": None, "self": "/x"}}
    assert parse(SURFACES[name], whole | unset).table.num_rows == 1


def test_next_page_markers_inside_data_are_found() -> None:
    data = COMPLETE["tasks"]["data"] | {"next_cursor": "abc"}
    with pytest.raises(ResponseError, match=r"`data\.next_cursor` is set"):
        parse(TASKS, {"data": data})
    whole, part = ({"data": {"endpoints": [{"status": 0}], "has_more": more}} for more in (False, True))
    parsed = parse(ENDPOINTS, {"a/whole": whole, "a/part": part})
    assert parsed.table.column("http_status").to_pylist() == [200, 0]
    assert "`data.has_more` is set" in parsed.problems[0]


@pytest.mark.parametrize("name", ["models", "providers", "benchmarks"])
@pytest.mark.parametrize("around", [{"total_count": 2}, {"meta": META | {"total": 2}}])
def test_list_shorter_than_its_total_is_refused(name: str, around: dict[str, Any]) -> None:
    with pytest.raises(ResponseError, match=r"it lists 1 .*, but `.*` is 2"):
        parse(SURFACES[name], {**COMPLETE[name], **({"total_count": 1} if "meta" in around else {}), **around})


def test_markers_of_a_list_paged_to_its_end_are_ignored() -> None:
    rows = [{"rank": number, "app_id": number, "total_tokens": "1"} for number in range(100)]
    body = {"data": rows, "meta": META, "has_more": True}
    live = Response("a response", json.dumps(body).encode(), FETCHED_AT, {"limit": "100"})
    assert APPS.parse(live).table.num_rows == 100
    with pytest.raises(ResponseError, match="`has_more` is set"):
        parse(APPS, body)  # a recording, whose pages were not fetched
    cut = {**body, "data": [row | {"app_id": row["app_id"] + page} for page in (0, 100) for row in rows][:140]}
    with pytest.raises(ResponseError, match="`has_more` is set"):
        APPS.parse(Response("a response", json.dumps(cut).encode(), FETCHED_AT, {"limit": "100"}))


def test_row_without_a_slug_is_kept_with_an_empty_one() -> None:
    nameless = {"date": "2026-07-01", "total_tokens": "5"}
    rows = [row(), nameless, row(model_permaslug=None), row(model_permaslug=" A/One"), row(model_permaslug="A/ONE")]
    parsed = parse(RANKINGS, rankings(*rows))
    assert parsed.table.column("model_permaslug").to_pylist() == ["a/one", "", "", " A/One", "A/ONE"]
    assert parsed.table.column("total_tokens").to_pylist() == [1, 5, 1, 1, 1]
    parsed = export(LINES + b"2026-07-01,,2,7,0.1\r\n")
    assert parsed.table.column("model_permaslug").to_pylist() == ["a/one", "other", ""]
    with pytest.raises(ResponseError, match="`model_permaslug` is 7; expected text"):
        parse(RANKINGS, rankings(row(), row(model_permaslug=7)))
    with pytest.raises(ResponseError, match="none of its rows has a `model_permaslug`"):
        export(LINES.replace(b"model_permaslug", b"slug"))


def test_removed_or_null_field_is_null() -> None:
    bare, null = parse(MODELS, {"data": [model(), model(id="a/two", context_length=None, name=None)]}).table.to_pylist()
    assert (bare["context_length"], null["context_length"], null["name"]) == (None, None, None)
    assert (bare["extra"], null["extra"]) == (None, None)


def test_every_form_of_zero_is_a_free_price() -> None:
    rows = [model(id=f"a/{number}", pricing={"prompt": zero}) for number, zero in enumerate(("0", "-0", "0.000", 0))]
    assert parse(MODELS, {"data": rows}).table.column("pricing_prompt").to_pylist() == [0, 0, 0, 0]


def endpoints(**responses: Any) -> Any:
    return parse(ENDPOINTS, {f"a/{name}": response for name, response in responses.items()}).table.to_pylist()


def test_endpoints_have_a_row_each_and_empty_models_one() -> None:
    endpoint = {"provider_name": "P", "tag": "p/fp8", "pricing": {"prompt": "0.1", "discount": 0}, "status": -2}
    rows = endpoints(
        two={"data": {"id": "a/two", "name": "Two", "endpoints": [endpoint, endpoint | {"uptime_last_30m": None}]}},
        none={"data": {"endpoints": []}},
        gone={"error": {"code": 404, "message": "Gone for good"}},
        odd={"data": {"endpoints": [endpoint | {"new": 1}], "notice": "moves"}},
    )
    found = [
        (row["model_id"], row["http_status"], row["endpoint_no"], row["provider_name"], row["status"]) for row in rows
    ]
    assert found == [
        ("a/two", 200, 0, "P", -2),
        ("a/two", 200, 1, "P", -2),
        ("a/none", 200, None, None, None),
        ("a/gone", 404, None, None, None),
        ("a/odd", 200, 0, "P", -2),
    ]
    assert rows[0]["pricing_prompt"] == Decimal("0.1")
    assert [row["extra"] for row in rows[:3]] == [None, None, None]
    assert json.loads(rows[3]["extra"]) == {"answer": {"error": {"message": "Gone for good"}}}
    assert json.loads(rows[4]["extra"]) == {"answer": {"data": {"notice": "moves"}}, "new": 1}


@pytest.mark.parametrize(
    ("responses", "word"),
    [
        ({"gone": {"error": {"code": 404}}}, "none of its models has endpoints"),
        ({"odd": []}, "the response for a/odd is an array"),
        ({"odd": {"endpoints": []}}, "neither `data` nor `error`"),
        ({"odd": {"data": {"endpoints": [{"status": "up"}]}}}, "endpoint 0 of a/odd: `status` is 'up'"),
        (
            {"odd": {"error": {"code": 402, "message": "No credits"}}},
            "a/odd has no usable response: error 402",
        ),
        ({"odd": {"data": None}}, "neither `data` nor `error`"),
        ({"odd": {"data": {"name": "Odd"}}}, "the response for a/odd, `data`: `endpoints` is missing"),
        ({"odd": {"error": {"message": "Try later"}}}, "a/odd has no usable response: error (Try later)"),
        ({"odd": {"error": {"code": 10**18}}}, "a/odd has no usable response: error 1000000000000000000"),
    ],
)
def test_endpoints_without_a_parsable_model_are_refused(responses: dict[str, Any], word: str) -> None:
    with pytest.raises(ResponseError) as raised:
        endpoints(**responses)
    assert word in str(raised.value)


def test_tasks_keep_macro_categories_and_nest_models() -> None:
    tag = {"tag": "code:x", "token_share": 1, "models": [{"id": "a/one", "tag_token_share": 0.5, "new": 1}]}
    macros = [{"key": "code", "label": "Code", "usage_share": 0.5, "token_share": 0.5}]
    data = {"as_of": "2026-07-02", "window_days": 7, "classifications": [tag], "macro_categories": macros}
    parsed = parse(TASKS, {"data": data})
    [row] = parsed.table.to_pylist()
    assert parsed.as_of == dt.datetime(2026, 7, 2, tzinfo=dt.UTC)
    assert (row["tag"], row["token_share"], row["window_days"]) == ("code:x", 1.0, 7)
    assert row["models"] == [{"id": "a/one", "tag_usage_share": None, "tag_token_share": 0.5, "extra": '{"new":1}'}]
    assert json.loads(parsed.envelope)["data"]["macro_categories"] == macros


def export(csv: bytes, **changed: Any) -> Any:
    rows = csv.count(b"\r\n") - 1
    file = {"bytes": len(csv), "sha256": hashlib.sha256(csv).hexdigest()}
    manifest = {"retrieved_at": "2026-07-03T00:01:00Z", "snapshot_date": "2026-07-03", "row_count": rows} | changed
    manifest = {**manifest, "files": {"csv": file | changed.get("file", {})}}
    return RANKINGS_EXPORT.parse(Response("a snapshot", csv, FETCHED_AT, manifest=json.dumps(manifest).encode()))


HEADER = b"date,model_permaslug,rank,total_tokens,share_of_daily_tokens\r\n"
LINES = HEADER + b"2026-07-01,a/one,1,9007199254740993,0.75\r\n2026-07-01,other,,5,0.25\r\n"


def test_snapshot_that_matches_its_manifest_is_parsed() -> None:
    parsed = export(LINES)
    assert parsed.params == {"snapshot_date": "2026-07-03", "start_date": "2026-06-03", "end_date": "2026-07-02"}
    assert parsed.as_of == dt.datetime(2026, 7, 3, 0, 1, tzinfo=dt.UTC)
    first, other = parsed.table.to_pylist()
    assert (first["total_tokens"], first["rank"], first["share_of_daily_tokens"]) == (9007199254740993, 1, 0.75)
    assert (other["model_permaslug"], other["rank"]) == ("other", None)
    assert RANKINGS_EXPORT.request_url(parsed.params).endswith("/datasets/exports/rankings-daily/2026-07-03.csv")


@pytest.mark.parametrize(
    ("csv", "changed", "word"),
    [
        (LINES, {"file": {"sha256": "0" * 64}}, "its manifest lists"),
        (LINES, {"file": {"bytes": 7}}, "its manifest lists 7 bytes"),
        (LINES, {"row_count": 3}, "3 rows"),
        (LINES, {"row_count": "two"}, "`row_count` is 'two'"),
        (LINES + b"2026-07-01,a/one,1,1,0\r\n", {}, "a/one on 2026-07-01 appears twice"),
        (LINES + b"2026-07-03,a/two,1,1,0\r\n", {}, "outside the snapshot's days"),
        (LINES + b"2026-07-02,a/two,1\r\n", {}, "a different number of fields"),
        (LINES + b"2026-07-02,a/two,x,1,0\r\n", {}, "`rank` is 'x'"),
        (b"\xff" + LINES, {}, "not CSV"),
        (HEADER.replace(b"rank", b"date") + b"2026-07-02,a/two,1,1,0\r\n", {}, "its header repeats a column"),
        (LINES, {"snapshot_date": "0001-01-01"}, "`snapshot_date` is 0001-01-01"),
        (HEADER.replace(b"date", b"day") + b"2026-07-02,a/two,1,1,0\r\n", {}, "`date` is missing"),
    ],
)
def test_snapshot_that_differs_from_its_manifest_is_refused(csv: bytes, changed: dict[str, Any], word: str) -> None:
    with pytest.raises(ResponseError) as raised:
        export(csv, **changed)
    assert word in str(raised.value)


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
def test_unknown_fields_are_kept_in_extra(unknown: dict[str, Any]) -> None:
    for surface, body in ((RANKINGS, rankings(row(**unknown))), (MODELS, {"data": [model(**unknown)]})):
        extra = parse(surface, body).table.column("extra").to_pylist()[0]
        assert json.loads(extra or "{}") == unknown


@given(tokens=st.integers(0, 2**63 - 1))
def test_token_counts_stay_exact(tokens: int) -> None:
    parsed = parse(RANKINGS, rankings(row(total_tokens=str(tokens))))
    assert parsed.table.column("total_tokens").to_pylist() == [tokens]


@given(digits=st.integers(0, 10**13), scale=st.integers(13, 24))
def test_prices_stay_exact(digits: int, scale: int) -> None:
    price = Decimal(digits).scaleb(-scale)
    parsed = parse(MODELS, {"data": [model(pricing={"prompt": str(price), "completion": "0"})]})
    assert parsed.table.column("pricing_prompt").to_pylist() == [price]


def test_prices_that_no_column_holds_are_a_problem() -> None:
    prices = {"prompt": "0.1", "image": "200", "request": "1e-30", "tea": "99", "overrides": [{"completion": "10"}]}
    [problem] = parse(MODELS, {"data": [model(pricing=prices), model(id="a/two")]}).problems
    assert "3 prices cannot be used, such as: image of a/one is '200'." in problem
    assert "below 10 USD a unit, with at most 24 decimals" in problem
    endpoint = {"provider_name": "P", "tag": "p", "pricing": {"prompt": 11}}
    [problem] = parse(ENDPOINTS, {"a/one": {"data": {"endpoints": [endpoint]}}}).problems
    assert "1 price cannot be used, such as: prompt of a/one is 11." in problem
    assert parse(MODELS, {"data": [model(pricing={"prompt": "9.99"})]}).problems == ()
