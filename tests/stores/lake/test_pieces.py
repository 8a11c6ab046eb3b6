"""Files read bit by bit: all rows, and never many large ones at once."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.stores.lake.files import Lake

LARGE = 2_000_000


@pytest.mark.parametrize("dictionary", [True, False])
def test_large_rows_that_pack_well_come_a_few_at_a_time(tmp_path: Path, dictionary: bool) -> None:
    rows = 60
    table = pa.table({"n": range(rows), "value": pa.array([b"=1+1" * (LARGE // 4)] * rows, pa.binary())})
    # A page a row, as Spark writes them.
    path = tmp_path / "large.parquet"
    pq.write_table(table, path, compression="zstd", use_dictionary=dictionary, write_batch_size=1)
    before, read, most = pa.total_allocated_bytes(), [], 0
    for piece in Lake(tmp_path.as_uri()).read_pieces("large.parquet", ["n", "value"]):
        most = max(most, pa.total_allocated_bytes() - before)
        read += piece["n"].to_pylist()
        assert {len(value) for value in piece["value"].to_pylist()} == {LARGE}
        del piece
    assert read == list(range(rows))
    if not dictionary:  # as Spark writes the bytes of refused records, see include.spark.process_batch
        assert most < rows * LARGE // 2


def test_small_rows_come_by_row_groups(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"n": range(10), "other": range(10)}), tmp_path / "small.parquet", row_group_size=4
    )
    pieces = list(Lake(tmp_path.as_uri()).read_pieces("small.parquet", ["n"]))
    assert [piece["n"].to_pylist() for piece in pieces] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert Lake(tmp_path.as_uri()).rows_of("small.parquet") == 10
    (tmp_path / "half.parquet").write_bytes((tmp_path / "small.parquet").read_bytes()[:40])
    with pytest.raises(pa.ArrowInvalid):
        Lake(tmp_path.as_uri()).rows_of("half.parquet")
