"""Malformed and incomplete responses through all models: what is published, and which checks report them."""

from collections.abc import Iterator

import pytest
from conftest import Run
from in_memory import Built, Compiled

pytestmark = pytest.mark.xdist_group("suspect")

NEWEST = (
    "(select max(date) from raw.rankings where as_of = (select max(as_of) from raw.rankings) and date < as_of::date)"
)
OF_NEWEST_DAY = f"as_of = (select max(as_of) from raw.rankings) and date = {NEWEST}"
NTH = "(select model_permaslug from raw.rankings where {day} order by total_tokens desc limit 1 offset {n})"


@pytest.fixture(scope="module")
def built(few_run: Run) -> Iterator[Built]:
    """The warehouse of a run; each test takes its changes back."""
    with Compiled(few_run.data).copy_with_rows() as built:
        yield built


def rename(rank: int, slug: str) -> str:
    old = NTH.format(day=OF_NEWEST_DAY, n=rank)
    return f"update raw.rankings set model_permaslug = {slug} where {OF_NEWEST_DAY} and model_permaslug = {old}"


def newest_day(built: Built) -> tuple:
    """Total tokens, `other` tokens, models listed, authors listed, and whether every row is complete."""
    [row] = built.query(
        "select summary.total_tokens, summary.other_tokens, summary.models_listed, summary.authors_listed, "
        "(select bool_and(is_complete_observation) from marts.share_model as models "
        "where (models.period, models.period_start) = (summary.period, summary.period_start)) "
        "from marts.traffic_summary as summary where period = 'day' order by period_start desc limit 1"
    )
    return row


def suspects(built: Built) -> list[tuple]:
    return built.query("select surface, suspect_reason from marts.coverage where is_suspect order by all")


@pytest.fixture(scope="module")
def complete(built: Built) -> tuple:
    assert suspects(built) == []
    return newest_day(built)


def test_other_is_recognised_in_any_spelling(built: Built, complete: tuple) -> None:
    with built.changed(
        "rankings", "update raw.rankings set model_permaslug = ' Other' where model_permaslug = 'other'"
    ):
        assert newest_day(built) == complete
        assert suspects(built) == []
        assert built.broken_laws() == {}


MALFORMED = ["''", "'  '", "'noslash'", "'google/gemini '", "upper(model_permaslug)", "'a/b/c'", "chr(7) || 'a/b'"]


def test_malformed_slugs_count_in_the_total(built: Built, complete: tuple) -> None:
    with built.changed("rankings", *(rename(20 + number, slug) for number, slug in enumerate(MALFORMED))):
        total, other, models, authors, is_complete = newest_day(built)
        assert total == complete[0]
        assert other > complete[1]
        assert models == complete[2] - len(MALFORMED)
        assert authors <= complete[3]
        assert not is_complete
        assert suspects(built) == [("rankings", "malformed_slug")]
        assert len(built.query(built.warning("assert_no_suspect_days"))) == 1
        assert len(built.query(built.warning("assert_every_slug_names_a_model"))) == len(MALFORMED)
        assert built.broken_laws() == {}


def test_list_without_tokens_of_other_is_suspect(built: Built, complete: tuple) -> None:
    """Rows with zero tokens are ignored, so that this list is one without `other`."""
    with built.changed(
        "rankings",
        f"insert into raw.rankings by name select * replace ('a/none' as model_permaslug, 0 as total_tokens) "
        f"from raw.rankings where {OF_NEWEST_DAY} and model_permaslug = 'other'",
        f"update raw.rankings set total_tokens = 0 where {OF_NEWEST_DAY} and model_permaslug = 'other'",
    ):
        assert newest_day(built) == (complete[0] - complete[1], 0, complete[2], complete[3], False)
        assert suspects(built) == [("rankings", "no_other")]
        assert built.query("select count(*) from marts.claim where period = 'day' and caveat like '%incomplete%'") == [
            (0,)
        ]
        assert built.broken_laws() == {}


def test_day_without_valid_slugs_keeps_its_tokens(built: Built, complete: tuple) -> None:
    with built.changed(
        "rankings",
        f"update raw.rankings set model_permaslug = '?' || model_permaslug where {OF_NEWEST_DAY}",
    ):
        total, other, models, authors, _ = newest_day(built)
        assert (total, other, models, authors) == (complete[0], complete[0], 0, 0)
        assert built.broken_laws() == {}


def test_thirty_rows_without_other_are_suspect(built: Built) -> None:
    thirtieth = f"(select total_tokens from raw.rankings where {OF_NEWEST_DAY} and model_permaslug <> 'other' "
    thirtieth += "order by total_tokens desc limit 1 offset 29)"
    cut = (
        f"delete from raw.rankings where {OF_NEWEST_DAY} and (total_tokens < {thirtieth} or model_permaslug = 'other')"
    )
    with built.changed("rankings", cut):
        assert suspects(built) == [("rankings", "no_other")]
        assert built.query("select count(*) from marts.growth_model where status = 'ok' and growth = -1") == [(0,)]
        assert built.broken_laws() == {}


def test_truncated_list_is_not_a_fall_of_100_percent(built: Built) -> None:
    tenth = f"(select total_tokens from raw.rankings where {OF_NEWEST_DAY} and model_permaslug <> 'other' "
    tenth += "order by total_tokens desc limit 1 offset 9)"
    cut = f"delete from raw.rankings where {OF_NEWEST_DAY} and (total_tokens < {tenth} or model_permaslug = 'other')"
    with built.changed("rankings", cut):
        assert [reason for _, reason in suspects(built)] == ["no_other, fewer_rows"]
        [(ok, exact, bounded)] = built.query(
            "select count(*) filter (where status = 'ok'), count(growth), count(*) filter (where growth_high > -1) "
            "from marts.growth_author where horizon = '1d' "
            "and window_end = (select max(window_end) from marts.growth_author)"
        )
        assert (ok, exact) == (0, 0)
        assert bounded > 10
        assert built.broken_laws() == {}


def test_truncated_models_list_ends_no_price(built: Built) -> None:
    """A malformed id on that list has no price."""
    newest = "from raw.models where as_of = (select max(as_of) from raw.models) and not starts_with(id, '~')"
    cut = (
        "delete from raw.models where as_of = (select max(as_of) from raw.models) and id not in "
        f"(select id {newest} order by id limit 20)"
    )
    malformed = f"update raw.models set id = 'no-slash' where id = (select min(id) {newest})"
    valid = (
        "select count(*) from marts.price_history where valid_to is null",
        "select count(*) from marts.price_current",
    )
    before = [built.query(sql)[0][0] for sql in valid]
    with built.changed("models", cut, malformed):
        assert built.query("select count(*) from marts.price_current where model_id = 'no-slash'") == [(0,)]
        # All but the few whose first list was the one that is cut.
        assert all(0.95 * count < built.query(sql)[0][0] for sql, count in zip(valid, before, strict=True))
        assert suspects(built) == [("models", "fewer_ids")]
        assert built.broken_laws() == {}
