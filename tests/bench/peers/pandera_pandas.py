"""The same twenty checks by pandera on pandas; prints its peak memory in KiB."""

import sys
from pathlib import Path

import pandas as pd
import pandera.pandas as pa
from pandera.pandas import Check, Column

schema = pa.DataFrameSchema(
    {
        "id": Column("int64", unique=True),
        "customer": Column("int32", Check.ge(0)),
        "month": Column("int8", Check.in_range(0, 11)),
        "postcode": Column(str, Check.str_matches(r"(NSW|VIC|QLD|WA)-\d{4}$")),
        "brand": Column(str, Check.str_matches(r"brand \d+$")),
        "contract": Column(str, Check.str_matches(r"C\d{9}$")),
        "exposure": Column("float64", Check.in_range(0, 1)),
        "value": Column("float64", Check.in_range(0, 1000)),
        "age": Column("int32", Check.in_range(18, 99)),
        "claims": Column("int32", Check.in_range(0, 50)),
        "amount": Column("float64", Check.ge(0)),
        "premium": Column("float32", Check.ge(0)),
    },
    unique=["customer", "month"],
    checks=[
        Check(lambda rows: (rows["claims"] > 0) == (rows["amount"] > 0)),
        Check(lambda rows: rows["premium"] > rows["exposure"]),
    ],
)
schema.validate(pd.read_parquet(sys.argv[1]), lazy=True)
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
