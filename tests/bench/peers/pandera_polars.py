"""The same twenty checks by pandera on polars; prints its peak memory in KiB."""

import sys
from pathlib import Path

import pandera.polars as pa
import polars as pl
from pandera.polars import Check, Column

schema = pa.DataFrameSchema(
    {
        "id": Column(pl.Int64, unique=True),
        "customer": Column(pl.Int32, Check.ge(0)),
        "month": Column(pl.Int8, Check.in_range(0, 11)),
        "postcode": Column(pl.String, Check.str_matches(r"^(NSW|VIC|QLD|WA)-[0-9]{4}$")),
        "brand": Column(pl.String, Check.str_matches(r"^brand [0-9]+$")),
        "contract": Column(pl.String, Check.str_matches(r"^C[0-9]{9}$")),
        "exposure": Column(pl.Float64, Check.in_range(0, 1)),
        "value": Column(pl.Float64, Check.in_range(0, 1000)),
        "age": Column(pl.Int32, Check.in_range(18, 99)),
        "claims": Column(pl.Int32, Check.in_range(0, 50)),
        "amount": Column(pl.Float64, Check.ge(0)),
        "premium": Column(pl.Float32, Check.ge(0)),
    },
    unique=["customer", "month"],
    checks=[
        Check(lambda data: data.lazyframe.select((pl.col("claims") > 0) == (pl.col("amount") > 0))),
        Check(lambda data: data.lazyframe.select(pl.col("premium") > pl.col("exposure"))),
    ],
)
schema.validate(pl.read_parquet(sys.argv[1]), lazy=True)
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
