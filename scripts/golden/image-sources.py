"""Writes test/golden/data: small tar archives by Python's tarfile and small Parquet files by pyarrow.

    pip install pyarrow==26.0.1
    python scripts/golden/image-sources.py

Row i of a Parquet file has the image "image i" repeated i + 1 times, and the label i mod 3: a number, or one of ant, bee, cat.
"""

import gzip
import io
import json
import pathlib
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq

OUT = pathlib.Path(__file__).parents[2] / "test" / "golden" / "data"
ROWS = range(8)


def tar(name, format, long_name):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=format) as archive:
        for path, content in [("one.jpg", b"first"), (long_name, b"second"), ("empty.cls", b"")]:
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    (OUT / f"{name}.tar.gz").write_bytes(gzip.compress(raw.getvalue(), mtime=0))


def parquet(name, columns, features=None, nullable=True, **options):
    """A file of these columns, with what Hugging Face's `datasets` writes about them into its metadata."""
    metadata = {"huggingface": json.dumps({"info": {"features": features}})} if features else None
    fields = [pa.field(column, array.type, nullable=nullable) for column, array in columns.items()]
    table = pa.table(list(columns.values()), schema=pa.schema(fields, metadata=metadata))
    pq.write_table(table, OUT / f"{name}.parquet", store_schema=features is not None, **options)


def image(i):
    return f"image {i}".encode() * (i + 1)


deep = "deep/" * 24
tar("ustar", tarfile.USTAR_FORMAT, deep + "a.jpg")
tar("gnu", tarfile.GNU_FORMAT, deep + "a long name ü " * 12 + ".jpg")
tar("pax", tarfile.PAX_FORMAT, deep + "a long name ü " * 12 + ".jpg")

images = pa.array([image(i) for i in ROWS], pa.binary())
structs = pa.array([{"bytes": image(i), "path": f"{i}.png"} for i in ROWS], pa.struct({"bytes": pa.binary(), "path": pa.string()}))
numbers = pa.array([i % 3 for i in ROWS], pa.int64())
names = pa.array([["ant", "bee", "cat"][i % 3] for i in ROWS])
class_label = {"names": ["ant", "bee", "cat"], "_type": "ClassLabel"}
features = {"picture": {"_type": "Image"}, "kind": class_label, "id": {"dtype": "int64", "_type": "Value"}}
small_pages = dict(data_page_size=16, write_batch_size=2)

parquet("snappy-struct", {"id": numbers, "picture": structs, "kind": numbers}, features, row_group_size=3, use_dictionary=False)
parquet("zstd-binary", {"img": images, "label": names}, compression="zstd", row_group_size=5, use_dictionary=["label"], data_page_version="2.0")
parquet("gzip-dictionary", {"image": structs, "labels": numbers.cast(pa.uint8())}, compression="gzip", row_group_size=4, **small_pages)
parquet("lz4-required", {"image": images, "label": numbers.cast(pa.int32())}, nullable=False, compression="lz4", use_dictionary=False, **small_pages)
parquet("plain", {"image": images, "label": numbers}, compression="none", use_dictionary=False, write_statistics=False)
parquet(
    "brotli-delta",
    {"image": images, "label": numbers},
    compression="brotli",
    use_dictionary=False,
    column_encoding={"image": "DELTA_LENGTH_BYTE_ARRAY", "label": "DELTA_BINARY_PACKED"},
)
parquet(
    "nulls",
    {
        "image": pa.array([None, {"bytes": None, "path": "1.png"}, {"bytes": b"", "path": None}, {"bytes": b"x", "path": None}], structs.type),
        "plain": pa.array([b"x", None, b"y", b"z"]),
        "label": pa.array([0, 1, 0, 1]),
        "unlabelled": pa.array([0, 1, None, 1]),
        "marked": pa.array([0, 1, -1, 1]),
        "real": pa.array([0.5, 1.0, 1.5, 2.0]),
        "list": pa.array([[0], [1], [0, 1], []]),
        "path": pa.array(["0.png", "1.png", "2.png", "3.png"]),
        "day": pa.array([0, 1, 2, 3], pa.date32()),
        "truth": pa.array([False, True, True, False]),
    },
)
