"""dbt as the pipeline starts it: debug events are made into lines only for a log that has room for them."""

from types import SimpleNamespace

import pytest
from dbt.adapters.events.types import ConnectionUsed
from dbt.events.types import LogModelResult
from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager import EventManager

from orchestration.transform import dbt_program


@pytest.mark.parametrize(
    ("log", "event", "level", "is_fired"),
    [
        (EventLevel.INFO, ConnectionUsed(), None, False),
        (EventLevel.INFO, ConnectionUsed(), EventLevel.WARN, True),
        (EventLevel.INFO, LogModelResult(), EventLevel.ERROR, True),
        (EventLevel.DEBUG, ConnectionUsed(), None, True),
    ],
    ids=["debug", "debug as a warning", "error", "debug, and a log for it"],
)
def test_event_that_no_log_wants_is_dropped(
    log: EventLevel,
    event: ConnectionUsed | LogModelResult,
    level: EventLevel | None,
    is_fired: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fired: list[object] = []
    monkeypatch.setattr(dbt_program, "_fire", lambda _manager, e, level: fired.append((e, level)))
    manager = EventManager()
    manager.loggers.append(SimpleNamespace(level=log))  # type: ignore[arg-type]
    dbt_program._fire_if_wanted(manager, event, level)
    assert fired == ([(event, level)] if is_fired else [])
