"""Values of a log as SQL, whatever type the file gives them."""

from decimal import Decimal

import duckdb
import pytest

from orchestration.usage.columns import Columns


@pytest.mark.parametrize(
    ("kind", "value", "charge"),
    [
        ("decimal(18,6)", "0.004217", Decimal("0.004217")),
        ("decimal(18,6)", "-0.5", Decimal("-0.5")),
        ("decimal(18,6)", None, None),
        ("decimal(38,12)", "1" * 26, Decimal("1" * 26)),
        ("decimal(38,11)", "1" * 27, Decimal(-1)),
        ("decimal(18,18)", "0.1234567890126", Decimal("0.123456789013")),
        ("double", "0.25", Decimal("0.25")),
        ("double", "nan", Decimal(-1)),
        ("bigint", "3", Decimal(3)),
        ("varchar", "0.25", Decimal("0.25")),
        ("varchar", "free", Decimal(-1)),
        ("varchar", " ", None),
    ],
)
def test_charge_is_read_from_any_type(kind: str, value: str | None, charge: Decimal | None) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"create table log as select cast(? as {kind}) as cost", [value])
        types = {name: type_ for name, type_, *_ in connection.execute("describe log").fetchall()}
        [(found,)] = connection.execute(f"select {Columns(types).usd('cost')} from log").fetchall()
    assert found == charge
