"""Write data/digits.csv: 1,797 real handwritten digits, 8x8 pixels each, that ship with scikit-learn.

Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits (UCI, 1998). Columns: pixel_00 .. pixel_63
(0 white .. 16 black, line by line) and digit (0 .. 9). The same file, byte for byte, whenever it is run.
"""

import csv
import sys
from pathlib import Path

HERE = Path(__file__).parent
TARGET = HERE / "data" / "digits.csv"


def make(target: Path = TARGET) -> Path:
    """Write the rows in scikit-learn's order, whole or not at all; ImportError without scikit-learn."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*(f"pixel_{place:02}" for place in range(digits.data.shape[1])), "digit"])
        writer.writerows(
            [*map(int, pixels), int(digit)] for pixels, digit in zip(digits.data, digits.target, strict=True)
        )
    partial.replace(target)
    return target


if __name__ == "__main__":
    try:
        print(f"wrote {make().relative_to(HERE)}")
    except ImportError:
        sys.exit("the digits come with scikit-learn, which is not installed here: pip install scikit-learn")
