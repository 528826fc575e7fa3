"""What the log's own library reads back is what the samples say, second by second and target by target."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from mlagent.loadtest import hdr, samples
from mlagent.loadtest.request import Piece, Request, Target

REQUEST = Request(
    targets=(Target(name="candidate", url=""), Target(name="champion", url="")),
    pieces=(Piece(seconds=2, rate_per_second=1000), Piece(seconds=2, rate_per_second=500, target=1)),
    users=1, golden="", tolerance=0, timeout_seconds=2, seed=1, output="",
)  # fmt: skip
BEGAN = 1_700_000_000.25


def made() -> samples.Samples:
    random = np.random.default_rng(1)
    rows = np.zeros(3000, samples.DTYPE)
    rows["intended"] = np.concatenate([np.sort(random.uniform(0, 2, 2000)), np.sort(random.uniform(2, 4, 1000))])
    rows["piece"], rows["status"] = np.arange(3000) >= 2000, 200
    rows["latency"] = random.lognormal(-4, 1, 3000)
    return rows


def read(path: Path) -> list[Any]:
    reader = HistogramLogReader(str(path), HdrHistogram(1, hdr.HIGHEST, 3))
    found = list(iter(reader.get_next_interval_histogram, None))
    reader.input_file.close()
    return found


def test_each_second_of_each_target_is_a_line_with_its_tag_and_time(tmp_path: Path) -> None:
    rows = made()
    hdr.write(tmp_path / "latency.hlog", REQUEST, rows, BEGAN)
    found = read(tmp_path / "latency.hlog")
    assert [one.get_tag() for one in found] == ["candidate"] * 2 + ["champion"] * 2
    assert [one.get_start_time_stamp() for one in found] == [BEGAN * 1000 + 1000 * second for second in range(4)]
    assert [one.get_total_count() for one in found] == np.bincount(rows["intended"].astype(int)).tolist()


@pytest.mark.parametrize("share", [50, 90, 99])
def test_quantiles_are_those_of_the_samples_in_microseconds(tmp_path: Path, share: float) -> None:
    rows = made()
    hdr.write(tmp_path / "latency.hlog", REQUEST, rows, BEGAN)
    whole = HdrHistogram(1, hdr.HIGHEST, 3)
    for one in read(tmp_path / "latency.hlog"):
        whole.add(one)
    exact = np.percentile(rows["latency"], share, method="inverted_cdf") * 1e6
    assert whole.get_value_at_percentile(share) == pytest.approx(exact, rel=2e-3)


def test_what_failed_waited_at_least_until_the_time_out(tmp_path: Path) -> None:
    rows = made()[:4]
    rows["status"] = 500
    hdr.write(tmp_path / "latency.hlog", REQUEST, rows, BEGAN)
    (one,) = read(tmp_path / "latency.hlog")
    assert one.get_value_at_percentile(0) == pytest.approx(2e6, rel=2e-3)


def test_the_classes_are_those_of_the_histogram() -> None:
    micros = np.unique(np.random.default_rng(2).integers(1, 10**9, 5000))
    whole, classed = HdrHistogram(1, hdr.HIGHEST, 3), HdrHistogram(1, hdr.HIGHEST, 3)
    for value in micros.tolist():
        whole.record_value(value)
    for value, count in zip(*hdr.classes(micros), strict=True):
        classed.record_value(value, count)
    assert list(whole.counts) == list(classed.counts)


def test_nothing_makes_a_log_without_lines(tmp_path: Path) -> None:
    hdr.write(tmp_path / "latency.hlog", REQUEST, made()[:0], BEGAN)
    assert read(tmp_path / "latency.hlog") == []
