"""A table as Arrow tables, some rows at a time, for formats whose values have types.

The rows come as PostgreSQL's CSV, and pyarrow makes columns of them: no value passes through Python on its way.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio

from resolvers.cells import Typed
from resolvers.export import Snapshot, meanwhile
from resolvers.tabulation import Column, Kind

BLOCK = 512 * 1024
"""Bytes of rows that one table is made of."""

Tables = Iterator[Any]
"""Arrow tables, one after another."""


def usual_types() -> Mapping[Kind, Any]:
    """What Arrow calls each kind of value."""
    import pyarrow as pa

    return {
        Kind.TEXT: pa.string(),
        Kind.JSON: pa.string(),
        Kind.INTEGER: pa.int64(),
        Kind.DECIMAL: pa.decimal128(38, 12),
        Kind.NUMBER: pa.float64(),
        Kind.BOOLEAN: pa.bool_(),
        Kind.DATE: pa.date32(),
        Kind.MOMENT: pa.timestamp("us", tz="UTC"),
    }


@asynccontextmanager
async def tables(snapshot: Snapshot, columns: tuple[Column, ...], types: Mapping[Kind, Any]) -> AsyncIterator[Tables]:
    """The rows, typed by their columns' kinds, for a thread beside the event loop; what comes next is read meanwhile.

    Iterating raises what `Snapshot.copy` raises, and pyarrow's ArrowInvalid for a value that is none of its type.
    """
    sending, receiving = anyio.create_memory_object_stream[bytes](1)

    async def read() -> None:
        async with sending:
            held = bytearray()

            async def sink(lines: bytes) -> None:
                held.extend(lines)
                if len(held) > BLOCK:
                    await sending.send(bytes(held))
                    held.clear()

            await snapshot.copy(Typed(columns), sink)
            if held:
                await sending.send(bytes(held))

    async with receiving, meanwhile(read()) as reading:

        async def next_block() -> bytes | None:
            try:
                return await receiving.receive()
            except anyio.EndOfStream:
                await reading
                return None

        parse = _parser([types[column.kind] for column in columns])
        try:
            yield map(parse, iter(partial(anyio.from_thread.run, next_block), None))
        except Exception:
            if reading.done():
                await reading  # a writer may tell in words of its own that there were no more rows
            raise


def _parser(types: Sequence[Any]) -> Callable[[bytes], Any]:
    """From lines of PostgreSQL's CSV, where nothing is null and `""` an empty text, to a table of these types."""
    from pyarrow import csv, py_buffer

    names = [str(place) for place in range(len(types))]
    options = {
        "read_options": csv.ReadOptions(column_names=names, block_size=2**31 - 1, use_threads=False),
        "parse_options": csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        "convert_options": csv.ConvertOptions(
            column_types=dict(zip(names, types, strict=True)),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    }
    return lambda lines: csv.read_csv(py_buffer(lines), **options)
