"""Writes test/golden/data: small tar archives and Parquet files by Python's tarfile and by pyarrow.

    pip install pyarrow==PYARROW
    python scripts/golden/image-sources.py

"""
import gzip
import io
import pathlib
import tarfile

OUT = pathlib.Path(__file__).parents[2] / "test" / "golden" / "data"


def tar(name, format, long_name):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=format) as archive:
        for path, content in [("one.jpg", b"first"), (long_name, b"second"), ("empty.cls", b"")]:
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    (OUT / f"{name}.tar.gz").write_bytes(gzip.compress(raw.getvalue(), mtime=0))


deep = "deep/" * 24
tar("ustar", tarfile.USTAR_FORMAT, deep + "a.jpg")
tar("gnu", tarfile.GNU_FORMAT, deep + "a long name ü " * 12 + ".jpg")
tar("pax", tarfile.PAX_FORMAT, deep + "a long name ü " * 12 + ".jpg")
