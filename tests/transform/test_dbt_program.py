"""dbt as the pipeline starts it: debug events are made into lines only for a log that has room for them."""

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
