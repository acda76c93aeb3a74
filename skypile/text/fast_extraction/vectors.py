"""Looking for a byte 32 at a time: what a scanner does most. Compiled.

Most bytes of a page are scripts, styles, attribute values and text, of which the scanner wants to know only where
they end. LLVM turns the comparison into two or three vector instructions on any processor that has them.
"""

# mypy takes an intrinsic's typing context for a parameter of its calls.
# mypy: disable-error-code="call-arg, var-annotated"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from skypile.text.fast_extraction.compiling import borrows

WIDTH = 32
_BYTE, _INT, _WORD, _VECTOR = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.VectorType(ir.IntType(8), WIDTH)


@intrinsic
def _equal(typingctx, array, index, byte):
    """Bit k is set where array[index + k] == byte, for 32 elements of a uint8 array; bounds are not checked."""

    def generate(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        values = builder.load(builder.bitcast(builder.gep(data, [args[1]]), _VECTOR.as_pointer()))
        values.align = 1
        wanted = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), builder.trunc(args[2], _BYTE), _INT(0))
        everywhere = ir.Constant(ir.VectorType(_INT, WIDTH), [0] * WIDTH)
        wanted = builder.shuffle_vector(wanted, ir.Constant(_VECTOR, ir.Undefined), everywhere)
        found = builder.bitcast(builder.icmp_unsigned("==", values, wanted), _INT)
        return builder.zext(found, _WORD)

    return types.int64(array, types.int64, types.int64), generate


@intrinsic
def _lowest_bit(typingctx, mask):
    """Number of the lowest bit that is set; `mask` is not 0."""

    def generate(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


@intrinsic
def _bits(typingctx, mask):
    """How many bits of `mask` are set."""

    def generate(context, builder, signature, args):
        return builder.ctpop(args[0])

    return types.int64(types.int64), generate


@borrows
def find(buf, i, n, byte):
    """The first index of `byte` in buf[i:n], else n: find(b"a<b", 0, 3, 60) == 1. buf: uint8, 0 <= i, n <= len(buf)."""
    while i + WIDTH <= n:
        found = _equal(buf, i, byte)
        if found:
            return i + _lowest_bit(found)
        i += WIDTH
    while i < n and buf[i] != byte:
        i += 1
    return min(i, n)


@borrows
def occurrences(buf, n, byte):
    """How often `byte` stands in buf[:n]."""
    i = count = 0
    while i + WIDTH <= n:
        count += _bits(_equal(buf, i, byte))
        i += WIDTH
    while i < n:
        count += buf[i] == byte
        i += 1
    return count
