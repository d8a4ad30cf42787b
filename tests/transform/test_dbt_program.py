"""dbt as the pipeline starts it: debug events are made into lines only for a log that has room for them, and fixtures
are inserted where dbt inserts them."""

from types import SimpleNamespace

import pytest


@pytest.mark.parametrize(
    ("log", "event", "level", "is_fired"),
    [
        ("info", "ConnectionUsed", None, False),
        ("info", "ConnectionUsed", "warn", True),
        ("info", "LogModelResult", "error", True),
        ("debug", "ConnectionUsed", None, True),
    ],
    ids=["debug", "debug as a warning", "error", "debug, and a log for it"],
)
def test_event_that_no_log_wants_is_dropped(
    log: str, event: str, level: str | None, is_fired: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dbt.adapters.events.types import ConnectionUsed  # dbt takes seconds to import
    from dbt.events.types import LogModelResult
    from dbt_common.events.base_types import EventLevel
    from dbt_common.events.event_manager import EventManager

    from orchestration.transform import dbt_program

    fired: list[object] = []
    monkeypatch.setattr(dbt_program, "_fire", lambda _manager, e, level: fired.append((e, level)))
    manager = EventManager()
    manager.loggers.append(SimpleNamespace(level=EventLevel(log)))  # type: ignore[arg-type]
    made = {"ConnectionUsed": ConnectionUsed, "LogModelResult": LogModelResult}[event]()
    stated = EventLevel(level) if level else None
    dbt_program._fire_if_wanted(manager, made, stated)
    assert fired == ([(made, stated)] if is_fired else [])


@pytest.mark.parametrize(
    "sql",
    [
        "with a as (select 1) select * from a",
        "-- With a comment; and more.\n\n-- Another.\r\nWITH\n  a as (select 1) select * from a\n",
        "with\trecursive a as (select 1) select * from a",
        "with recursive_a as (select 1) select * from recursive_a",
        "with -- why\n a as (select 1) select * from a",
        "/* why */ with a as (select 1) select * from a",
        "select * from (with a as (select 1) select * from a)",
        "\nselect 'with a' as a",
    ],
)
def test_fixtures_are_inserted_where_dbt_does(sql: str) -> None:
    from dbt.compilation import InjectedCTE, inject_ctes_into_sql  # dbt takes seconds to import

    from orchestration.transform import dbt_program

    fixtures = [InjectedCTE(id=name, sql=f" {name} as (\nselect ';'\n)") for name in ("one", "two")]
    for ctes in ([], fixtures[:1], fixtures):
        assert dbt_program._inject_after_with(sql, ctes) == inject_ctes_into_sql(sql, ctes)
