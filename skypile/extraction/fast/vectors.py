"""What is done to many at a time: looking for a byte in 32, taking 16 blocks down a tree. Compiled.

Most bytes of a page are scripts, styles, attribute values and text, of which the scanner wants to know only where
they end. LLVM turns the comparison into two or three vector instructions on any processor that has them.
"""

# mypy takes an intrinsic's typing context for a parameter of its calls.
# mypy: disable-error-code="call-arg, var-annotated"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from skypile.extraction.fast.compiling import borrows

WIDTH = 32
LANES = 16  # blocks side by side in a tree
STEPS = 4  # taken by all of them at once: the next level's sixteen nodes would cost more than a step each
_BYTE, _INT, _WORD, _VECTOR = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.VectorType(ir.IntType(8), WIDTH)


def _compared(context, builder, array_type, array, index, operator, byte):
    """Bit k is set where `operator` holds between array[index + k] and `byte`, an i8."""
    data = context.make_array(array_type)(context, builder, array).data
    values = builder.load(builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer()))
    values.align = 1
    wanted = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), byte, _INT(0))
    everywhere = ir.Constant(ir.VectorType(_INT, WIDTH), [0] * WIDTH)
    wanted = builder.shuffle_vector(wanted, ir.Constant(_VECTOR, ir.Undefined), everywhere)
    found = builder.bitcast(builder.icmp_unsigned(operator, values, wanted), _INT)
    return builder.zext(found, _WORD)


@intrinsic
def _equal(typingctx, array, index, byte):
    """Bit k is set where array[index + k] == byte, for 32 elements of a uint8 array; bounds are not checked."""

    def generate(context, builder, signature, args):
        byte = builder.trunc(args[2], _BYTE)
        return _compared(context, builder, signature.args[0], args[0], args[1], "==", byte)

    return types.int64(array, types.int64, types.int64), generate


@intrinsic
def _visible(typingctx, array, index):
    """Bit k is set where array[index + k] > 32, as in `_equal`."""

    def generate(context, builder, signature, args):
        return _compared(context, builder, signature.args[0], args[0], args[1], ">", _BYTE(32))

    return types.int64(array, types.int64), generate


@intrinsic
def first_steps(typingctx, columns, width, b, features, thresholds, t, ends):
    """Where the blocks b to b + LANES - 1 stand in tree t after STEPS steps, 0 to 2**STEPS - 1 from left to right, into
    `ends` from b on.

    columns: int32 [features, width], C order; features, thresholds: int32 [trees, 2**STEPS - 1], of the upper nodes,
    level by level; ends: uint32. Bounds are not checked. Every node's comparison is made, and those on a block's way
    are chosen: 15 vector comparisons for 16 blocks instead of 64 dependent loads.
    """
    nodes = 2**STEPS - 1
    lanes = ir.VectorType(_INT, LANES)

    def generate(context, builder, signature, args):
        def pointer(k, index):
            return builder.gep(context.make_array(signature.args[k])(context, builder, args[k]).data, [index])

        def spread(value):
            one = builder.insert_element(ir.Constant(lanes, ir.Undefined), value, _INT(0))
            return builder.shuffle_vector(one, ir.Constant(lanes, ir.Undefined), ir.Constant(lanes, [0] * LANES))

        first = builder.mul(args[5], _WORD(nodes))
        above = []
        for node in range(nodes):
            at = builder.add(first, _WORD(node))
            feature = builder.sext(builder.load(pointer(3, at)), _WORD)
            column = pointer(0, builder.add(builder.mul(feature, args[1]), args[2]))
            values = builder.load(builder.bitcast(column, lanes.as_pointer()))
            values.align = 4
            above.append(builder.icmp_signed(">", values, spread(builder.load(pointer(4, at)))))
        turns = [above[0]]
        for level in range(1, STEPS):
            chosen = above[2**level - 1 : 2 ** (level + 1) - 1]
            for turn in reversed(turns):  # the last turn tells neighbours apart
                chosen = [builder.select(turn, *chosen[k : k + 2][::-1]) for k in range(0, len(chosen), 2)]
            turns.append(chosen[0])
        end = builder.zext(turns[0], lanes)
        for turn in turns[1:]:
            end = builder.or_(builder.shl(end, ir.Constant(lanes, [1] * LANES)), builder.zext(turn, lanes))
        written = builder.store(end, builder.bitcast(pointer(6, args[2]), lanes.as_pointer()))
        written.align = 4
        return context.get_dummy_value()

    return types.none(columns, types.int64, types.int64, features, thresholds, types.int64, ends), generate


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
def skip_blanks(buf, i, n):
    """The first index in buf[i:n] of a byte over 32, else n: skip_blanks(b" a ", 0, 3) == 1."""
    while i + WIDTH <= n:
        found = _visible(buf, i)
        if found:
            return i + _lowest_bit(found)
        i += WIDTH
    while i < n and buf[i] <= 32:
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
