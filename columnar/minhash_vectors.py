"""Vector instructions that Numba has no words for, as functions for the kernels of `columnar.minhash_words` and `columnar.minhash`.

Each writes a few lines of LLVM's own vector code, which LLVM turns into what the processor has: AVX-512 where it is there, else AVX2,
SSE or NEON; the values are the same everywhere. Numba's automatic vectors stop at 256 bits and cannot make a bit mask of a comparison.
Callers see to it that what is read lies inside the arrays: nothing is checked here. Pure: no I/O.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

#: Bytes that `byte_classes` looks at.
WINDOW = 64
#: Functions that a vector holds: the arrays of `fold_least_7` and `fold_least_1` come in multiples of it.
LANES = 8

_BYTE, _I64 = ir.IntType(8), ir.IntType(64)
_BYTES = ir.VectorType(_BYTE, WINDOW)
_NUMBERS = ir.VectorType(_I64, LANES)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> Any:
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [at])


def _every(kind: Any, value: int) -> Any:
    return ir.Constant(kind, [value] * kind.count)


@intrinsic
def load_eight(_typing: Any, data: Any, at: Any) -> Any:
    """Gives the eight bytes at `data[at:]` as one number, the first byte lowest."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        start = _pointer(context, builder, signature.args[0], *arguments)
        return builder.load(builder.bitcast(start, _I64.as_pointer()), align=1)

    return types.uint64(data, at), generate


@intrinsic
def byte_classes(_typing: Any, data: Any, at: Any) -> Any:
    """Says of each of the `WINDOW` bytes at `data[at:]` what it is, as three bit masks: ASCII letters, ASCII digits, non-ASCII."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        start = _pointer(context, builder, signature.args[0], *arguments)
        window = builder.load(builder.bitcast(start, _BYTES.as_pointer()), align=1)
        lower = builder.or_(window, _every(_BYTES, 0x20))
        letters = builder.icmp_unsigned("<", builder.sub(lower, _every(_BYTES, 0x61)), _every(_BYTES, 26))
        digits = builder.icmp_unsigned("<", builder.sub(window, _every(_BYTES, 0x30)), _every(_BYTES, 10))
        beyond = builder.icmp_signed("<", window, _every(_BYTES, 0))
        masks = [builder.bitcast(found, _I64) for found in (letters, digits, beyond)]
        return cgutils.pack_array(builder, masks)

    return types.UniTuple(types.uint64, 3)(data, at), generate


@intrinsic
def leading_zeros(_typing: Any, number: Any) -> Any:
    """Counts the zero bits above a 64-bit number's highest set bit; 64 for zero."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(number), generate


def _folder(groups: int) -> Any:
    @intrinsic
    def fold(_typing: Any, hashes: Any, _count: Any, factors: Any, offsets: Any, least: Any, _at: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            def group(array: int, number: int) -> Any:
                place = builder.add(arguments[5], ir.Constant(_I64, number * LANES))
                start = _pointer(context, builder, signature.args[array], arguments[array], place)
                return builder.bitcast(start, _NUMBERS.as_pointer())

            multiply = [builder.load(group(2, number), align=8) for number in range(groups)]
            add = [builder.load(group(3, number), align=8) for number in range(groups)]
            running = [cgutils.alloca_once(builder, _NUMBERS) for _ in range(groups)]
            for number, register in enumerate(running):
                builder.store(builder.load(group(4, number), align=8), register)
            nothing, zeros = ir.Constant(_NUMBERS, ir.Undefined), _every(ir.VectorType(ir.IntType(32), LANES), 0)
            with cgutils.for_range(builder, arguments[1]) as loop:
                one = builder.load(_pointer(context, builder, signature.args[0], arguments[0], loop.index))
                every = builder.insert_element(nothing, one, ir.Constant(ir.IntType(32), 0))
                every = builder.shuffle_vector(every, nothing, zeros)
                for factor, offset, register in zip(multiply, add, running, strict=True):
                    value, best = builder.add(builder.mul(every, factor), offset), builder.load(register)
                    builder.store(builder.select(builder.icmp_unsigned("<", value, best), value, best), register)
            for number, register in enumerate(running):
                builder.store(builder.load(register), group(4, number), align=8)
            return context.get_dummy_value()

        return types.void(hashes, types.int64, factors, offsets, least, types.int64), generate

    return fold


#: `fold_least_G(hashes, count, factors, offsets, least, at)` lowers `least[p]` to the least of `hashes[k] * factors[p] + offsets[p]`
#: mod 2^64 over `k < count`, for the `G * LANES` values of p from `at` on. Seven vectors of each kind fit into 32 registers.
fold_least_7 = _folder(7)
fold_least_1 = _folder(1)
