"""Machine operations Numba has no word for: loads and stores without checks, minima without a branch.

Indexing a Numba array by a signed number costs a comparison and an addition for negative indices, and `min` or
`x if … else y` become branches whenever LLVM hopes they can be predicted. Where the data decide at random, as in a
segment table, each wrong guess costs as much as the rest of a look-up: `smaller` made look-ups 1.6 times faster.

Every number is an int64 here, so that no expression turns to floating point by mixing signs. Indices count
elements and must be valid: nothing is checked.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

HIGH_BITS = -0x7F7F7F7F7F7F7F80  # 0x80 in each of eight bytes: set in those that are not ASCII
_BYTE, _INT, _WORD = ir.IntType(8), ir.IntType(32), ir.IntType(64)


def _pointer(context, builder, array_type, array, index, kind=None):
    """Pointer to array[index], to `kind` (an LLVM type) where given."""
    data = context.make_array(array_type)(context, builder, array).data
    pointer = builder.gep(data, [index])
    return pointer if kind is None else builder.bitcast(pointer, kind.as_pointer())


@intrinsic
def load(typingctx, array, index):
    """array[index] of an integer array, as int64; unsigned elements stay positive (but for uint64's upper half)."""

    def generate(context, builder, signature, args):
        value = builder.load(_pointer(context, builder, signature.args[0], args[0], args[1]))
        if value.type.width == 64:
            return value
        return builder.sext(value, _WORD) if signature.args[0].dtype.signed else builder.zext(value, _WORD)

    return types.int64(array, types.int64), generate


@intrinsic
def store(typingctx, array, index, value):
    """array[index] = value, cut to the width of the array's elements."""

    def generate(context, builder, signature, args):
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1])
        narrow = pointer.type.pointee.width < 64
        builder.store(builder.trunc(args[2], pointer.type.pointee) if narrow else args[2], pointer)
        return context.get_dummy_value()

    return types.none(array, types.int64, types.int64), generate


@intrinsic
def load_word(typingctx, array, index):
    """Eight bytes of a uint8 array from any index, as a little-endian int64."""

    def generate(context, builder, signature, args):
        word = builder.load(_pointer(context, builder, signature.args[0], args[0], args[1], _WORD))
        word.align = 1
        return word

    return types.int64(array, types.int64), generate


@intrinsic
def store_word(typingctx, array, index, value):
    """Write an int64 to eight bytes of a uint8 array, from any index, little-endian."""

    def generate(context, builder, signature, args):
        written = builder.store(args[2], _pointer(context, builder, signature.args[0], args[0], args[1], _WORD))
        written.align = 1
        return context.get_dummy_value()

    return types.none(array, types.int64, types.int64), generate


@intrinsic
def smaller(typingctx, first, second):
    """The smaller of two numbers read as unsigned, so 0 is the least; never a branch."""

    def generate(context, builder, signature, args):
        kind = ir.FunctionType(_WORD, [_WORD, _WORD])
        return builder.call(builder.module.declare_intrinsic("llvm.umin", [_WORD], kind), args)

    return types.int64(types.int64, types.int64), generate


@intrinsic
def smallest_of_16(typingctx, array, index):
    """The smallest of array[index] to array[index + 15] of a uint32 array: one vector operation."""

    def generate(context, builder, signature, args):
        vector = ir.VectorType(_INT, 16)
        values = builder.load(_pointer(context, builder, signature.args[0], args[0], args[1], vector))
        values.align = 4
        kind = ir.FunctionType(_INT, [vector])
        reduce = builder.module.declare_intrinsic("llvm.vector.reduce.umin.v16i32", (), kind)
        return builder.zext(builder.call(reduce, [values]), _WORD)

    return types.int64(array, types.int64), generate


@intrinsic
def prefetch(typingctx, array, index):
    """Ask for the cache line of array[index] without waiting for it."""

    def generate(context, builder, signature, args):
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1], _BYTE)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, _INT, _INT, _INT])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], kind)
        builder.call(function, [pointer, _INT(0), _INT(3), _INT(1)])  # to read, soon and often, data
        return context.get_dummy_value()

    return types.none(array, types.int64), generate
