"""A program that builds own calls with Spark and prints how: `python spark_plan.py OWN_FOLDER`.

It prints the physical plan of the buckets, and the error of a sum that overflows.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from pyspark.errors import ArithmeticException
from pyspark.sql import SparkSession

from orchestration.usage import spark_program

BUCKETS = "dbt_spark/compiled/routerscope/models/own/int_own__buckets.sql"
run_dbt = spark_program._spark


def run_dbt_and_explain(own: Path, select: Sequence[str], exclude: Sequence[str]) -> bool:
    is_built = run_dbt(own, select, exclude)
    session = SparkSession.getActiveSession()
    if select == spark_program.PRICED_BY_SPARK and session:
        session.sql((own / BUCKETS).read_text(encoding="utf-8")).explain()
        try:
            session.sql("select sum(n) from values (9223372036854775807L), (1L) as numbers (n)").collect()
        except ArithmeticException as error:
            print("sum:", error.getCondition())
    return is_built


spark_program._spark = run_dbt_and_explain
sys.exit(spark_program.main(Path(sys.argv[1]), "local[2]"))
