"""The checks that Great Expectations has of the same twenty, on pandas; prints its peak memory in KiB."""

import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
import great_expectations as gx  # noqa: E402
import pandas as pd  # noqa: E402
from great_expectations import expectations as e  # noqa: E402

PATTERNS = {"postcode": r"^(NSW|VIC|QLD|WA)-\d{4}$", "brand": r"^brand \d+$", "contract": r"^C\d{9}$"}
RANGES = {
    "customer": (0, None), "month": (0, 11), "exposure": (0, 1), "value": (0, 1000), "age": (18, 99),
    "claims": (0, 50), "amount": (0, None), "premium": (0, None),
}  # fmt: skip
context = gx.get_context(mode="ephemeral")
context.variables.progress_bars = {"globally": False}
asset = context.data_sources.add_pandas("rows").add_dataframe_asset("rows")
suite = gx.ExpectationSuite(
    name="twenty",
    expectations=[
        e.ExpectColumnValuesToBeUnique(column="id"),
        e.ExpectCompoundColumnsToBeUnique(column_list=["customer", "month"]),
        *(e.ExpectColumnValuesToMatchRegex(column=name, regex=regex) for name, regex in PATTERNS.items()),
        *(e.ExpectColumnValuesToBeBetween(column=name, min_value=a, max_value=b) for name, (a, b) in RANGES.items()),
        e.ExpectColumnPairValuesAToBeGreaterThanB(column_A="premium", column_B="exposure"),
    ],
)
batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": pd.read_parquet(sys.argv[1])})
if not batch.validate(suite).success:
    sys.exit("the rows failed")
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
