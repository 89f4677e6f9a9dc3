"""The text of a `.csv` file in pieces of whole lines, so that no file is held as a whole."""

from __future__ import annotations

import codecs
import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from lrmf_tfp.datasets.files.refusals import Refusal, check_expansion

__all__ = ["pieces_of"]

_BLOCK = 2**20  # bytes that are read at once
_MOST_LINE = 2**24  # characters, about a million columns
_GZIP = b"\x1f\x8b"
_MARKS = (  # of UTF-32 before those of UTF-16, which begin alike
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def pieces_of(file: Path, *, name: str) -> Iterator[str]:
    r"""Yield the text of a file in pieces that end with a line, every line with `\n`.

    Raises:
        ValueError: if the file is not UTF-8 text, nor UTF-16 or UTF-32 with a byte order mark, or
            a line or what is compressed is out of bounds.
    """
    with _opened(file) as stream:
        head = stream.peek(4)[:4]
        encoding = next((each for mark, each in _MARKS if head.startswith(mark)), "utf-8")
        decoder = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder(encoding)(), translate=True
        )
        try:
            yield from _whole_lines(_blocks(stream, file, name=name), decoder, name=name)
        except UnicodeDecodeError as error:
            raise Refusal(
                f"`{name}` must be UTF-8 text in a .csv file; got {_why(error)}."
            ) from None


@contextmanager
def _opened(file: Path) -> Iterator[io.BufferedReader]:
    with file.open("rb") as raw:
        is_packed = raw.read(2) == _GZIP
        raw.seek(0)
        if not is_packed:
            yield cast("io.BufferedReader", raw)
            return
        with gzip.GzipFile(fileobj=raw) as unpacked:
            yield cast("io.BufferedReader", unpacked)


def _blocks(stream: IO[bytes], file: Path, *, name: str) -> Iterator[bytes]:
    size, count = file.stat().st_size, 0
    while block := stream.read(_BLOCK):
        count += len(block)
        check_expansion(count, size, name=name, file=file)
        yield block
    yield b""


def _whole_lines(
    blocks: Iterator[bytes], decoder: io.IncrementalNewlineDecoder, *, name: str
) -> Iterator[str]:
    rest = ""
    for block in blocks:
        text = rest + decoder.decode(block, final=not block)
        cut = text.rfind("\n") + 1 if block else len(text)
        if max(cut, len(text) - cut) > _MOST_LINE:
            raise Refusal(
                f"`{name}` must have lines of at most {_MOST_LINE} characters; got a longer one."
            )
        if cut:
            yield text[:cut]
        rest = text[cut:]


def _why(error: UnicodeDecodeError) -> str:
    found = f"byte 0x{error.object[error.start]:02x} of {error.encoding}, {error.reason}"
    if error.encoding.startswith("utf-8"):
        found += " (Latin-1? `iconv -f latin1 -t utf-8` converts)"
    return found
