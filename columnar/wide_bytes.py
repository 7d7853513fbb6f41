"""Sixty-four bytes at a time, and what keeps a kernel from waiting for memory. Pure: no I/O.

Each function becomes vector instructions of the processor that compiles it; where it has none that wide, several narrower ones.
Nothing is checked: the caller sees that 64 bytes stand there.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

WIDTH = 64

_BYTE, _INT, _LONG = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_BYTES = ir.VectorType(_BYTE, WIDTH)
_COUNTS = ir.VectorType(_INT, 16)


def _place(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    """Gives the address of an element."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [at])


def _bytes_between(low: int, count: int) -> Callable[[Any, Any], Any]:
    """Makes an intrinsic that marks, one bit a byte, which of the 64 bytes at `data[at]` are `low` to `low + count - 1`."""

    @intrinsic
    def marks(_typing: Any, data: Any, at: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = _place(context, builder, signature.args[0], arguments[0], arguments[1])
            loaded = builder.load(builder.bitcast(place, _BYTES.as_pointer()), align=1)
            above = builder.sub(loaded, ir.Constant(_BYTES, [low] * WIDTH))
            inside = builder.icmp_unsigned("<", above, ir.Constant(_BYTES, [count] * WIDTH))
            return builder.bitcast(inside, _LONG)

        return types.uint64(data, at), generate

    return marks  # type: ignore[no-any-return]


#: Tab to carriage return, and the separators and the blank: what ASCII has of white space.
tab_to_return = _bytes_between(0x09, 5)
separator_to_blank = _bytes_between(0x1C, 5)
#: Vertical tab to carriage return, and the separators that end a line for `str.splitlines`.
rare_line_breaks = _bytes_between(0x0B, 3)
separator_line_breaks = _bytes_between(0x1C, 3)
beyond_ascii = _bytes_between(0x80, 0x80)
line_feeds = _bytes_between(0x0A, 1)
#: Bytes that may begin a white-space character beyond ASCII: U+0085 and U+00A0; U+1680; U+2000 to U+205F and U+3000.
lead_of_latin = _bytes_between(0xC2, 1)
leads_of_spaces = _bytes_between(0xE1, 3)


@intrinsic
def prefetch(_typing: Any, array: Any, _index: Any) -> Any:
    """Asks for the memory of `array[index]`, of an array as if it had one dimension, before it is read. For kernels only."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args[0], arguments[0], arguments[1])
        pointer = _BYTE.as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, _INT, _INT, _INT])
        ask = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        read, keep, is_data = ir.Constant(_INT, 0), ir.Constant(_INT, 3), ir.Constant(_INT, 1)
        builder.call(ask, [builder.bitcast(place, pointer), read, keep, is_data])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


@intrinsic
def add_packed(_typing: Any, sums: Any, packed: Any, _index: Any) -> Any:
    """Adds the 16 bytes of two uint64 from `packed[index]` on, as if it had one dimension, to `sums`, int32[16]. For kernels only."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        total = builder.bitcast(
            _place(context, builder, signature.args[0], arguments[0], ir.Constant(_LONG, 0)), _COUNTS.as_pointer()
        )
        place = _place(context, builder, signature.args[1], arguments[1], arguments[2])
        row = builder.load(builder.bitcast(place, ir.VectorType(_BYTE, 16).as_pointer()), align=8)
        summed = builder.add(builder.load(total, align=4), builder.zext(row, _COUNTS))
        builder.store(summed, total, align=4)
        return context.get_dummy_value()

    return types.void(sums, packed, types.int64), generate
