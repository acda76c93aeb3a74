"""What is done to many at a time: looking for a byte in 32, asking a tree about 16 blocks. Compiled.

Most bytes of a page are scripts, styles, attribute values and text, of which the scanner wants to know only where
they end. LLVM turns the comparison into two or three vector instructions on any processor that has them.
"""

# mypy takes an intrinsic's typing context for a parameter of its calls.
# mypy: disable-error-code="call-arg, var-annotated"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from skypile.extraction.fast.compiling import borrows
from skypile.runtime.intrinsics import load_word, store_word

WIDTH = 32
LANES = 16  # blocks that a tree is asked about at once
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
def _above(typingctx, array, index, byte):
    """Bit k is set where array[index + k] > byte, as in `_equal`."""

    def generate(context, builder, signature, args):
        return _compared(context, builder, signature.args[0], args[0], args[1], ">", builder.trunc(args[2], _BYTE))

    return types.int64(array, types.int64, types.int64), generate


@intrinsic
def turn(typingctx, bits, rows, first, column, tile, line):
    """Put columns of float32 numbers, LANES of them from `column` on, into lines of `tile` from `line` on, a block in a
    lane: those of the blocks rows[first:first + LANES].

    bits: int32 [blocks, features], the numbers' bits; rows: int64, indices of blocks; tile: int32 [features, LANES],
    in the order of the numbers: negative ones with all bits but the sign turned over, -0.0 as 0.0. All in C order;
    bounds are not checked.
    """
    lanes = ir.VectorType(_INT, LANES)

    def generate(context, builder, signature, args):
        source, index, out = (context.make_array(signature.args[k])(context, builder, args[k]) for k in (0, 1, 4))
        width = cgutils.unpack_tuple(builder, source.shape)[1]
        values = []
        for lane in range(LANES):
            row = builder.load(builder.gep(index.data, [builder.add(args[2], _WORD(lane))]))
            at = builder.add(builder.mul(row, width), args[3])
            values.append(builder.load(builder.bitcast(builder.gep(source.data, [at]), lanes.as_pointer())))
            values[-1].align = 4
        distance = LANES // 2
        while distance:  # blocks off the diagonal change places: of 8 by 8 numbers, of 4 by 4, …
            places = range(LANES)
            upper = ir.Constant(lanes, [k if not k & distance else LANES + k - distance for k in places])
            lower = ir.Constant(lanes, [k + distance if not k & distance else LANES + k for k in places])
            for k in places:
                if not k & distance:
                    a, b = values[k], values[k + distance]
                    values[k] = builder.shuffle_vector(a, b, upper)
                    values[k + distance] = builder.shuffle_vector(a, b, lower)
            distance //= 2
        zero, sign = ir.Constant(lanes, [0] * LANES), ir.Constant(lanes, [-(1 << 31)] * LANES)
        highest = ir.Constant(lanes, [(1 << 31) - 1] * LANES)
        for k, value in enumerate(values):
            below = builder.select(builder.icmp_signed("==", value, sign), zero, builder.xor(value, highest))
            ordered = builder.select(builder.icmp_signed("<", value, zero), below, value)
            at = builder.mul(builder.add(args[5], _WORD(k)), _WORD(LANES))
            stored = builder.store(ordered, builder.bitcast(builder.gep(out.data, [at]), lanes.as_pointer()))
            stored.align = 4
        return context.get_dummy_value()

    return types.none(bits, rows, types.int64, types.int64, tile, types.int64), generate


@intrinsic
def leaves_left(typingctx, tile, features, thresholds, spared, t, alive):
    """For LANES blocks the leaves of tree t that none of its comparisons takes out, into `alive`, a bit each.

    tile: int32 [features, LANES]; features, thresholds: int32 [trees, nodes], spared: uint32 [trees, nodes]: a node
    takes out the leaves that it does not spare where the feature is above its threshold; alive: uint32 [LANES]. All in
    C order; bounds are not checked.
    """
    lanes = ir.VectorType(_INT, LANES)

    def generate(context, builder, signature, args):
        arrays = [
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args, args, strict=True)
            if isinstance(kind, types.Array)
        ]
        blocks, feature, threshold, spares, out = (array.data for array in arrays)
        nodes = cgutils.unpack_tuple(builder, arrays[1].shape)[1]

        def spread(value):
            one = builder.insert_element(ir.Constant(lanes, ir.Undefined), value, _INT(0))
            return builder.shuffle_vector(one, ir.Constant(lanes, ir.Undefined), ir.Constant(lanes, [0] * LANES))

        every = ir.Constant(lanes, [-1] * LANES)
        left = cgutils.alloca_once_value(builder, every)
        first = builder.mul(args[4], nodes)
        with cgutils.for_range(builder, nodes) as loop:
            at = builder.add(first, loop.index)
            row = builder.mul(builder.sext(builder.load(builder.gep(feature, [at])), _WORD), _WORD(LANES))
            values = builder.load(builder.bitcast(builder.gep(blocks, [row]), lanes.as_pointer()))
            values.align = 4
            above = builder.icmp_signed(">", values, spread(builder.load(builder.gep(threshold, [at]))))
            kept = builder.select(above, spread(builder.load(builder.gep(spares, [at]))), every)
            builder.store(builder.and_(builder.load(left), kept), left)
        written = builder.store(builder.load(left), builder.bitcast(out, lanes.as_pointer()))
        written.align = 4
        return context.get_dummy_value()

    return types.none(tile, features, thresholds, spared, types.int64, alive), generate


@intrinsic
def lowest_bit(typingctx, mask):
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
            return i + lowest_bit(found)
        i += WIDTH
    while i < n and buf[i] != byte:
        i += 1
    return min(i, n)


@borrows
def skip_blanks(buf, i, n):
    """The first index in buf[i:n] of a byte over 32, else n: skip_blanks(b" a ", 0, 3) == 1."""
    while i + WIDTH <= n:
        found = _above(buf, i, 32)
        if found:
            return i + lowest_bit(found)
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


@borrows
def copy_plain(buf, i, out, o):
    """Copy WIDTH bytes of buf[i:] to out[o:]; how many of them, from the first on, are ASCII text as it is written:
    visible characters but "&", and a blank before one. b"a b  c" -> 3"""
    for k in range(0, WIDTH, 8):
        store_word(out, o + k, load_word(buf, i + k))
    visible = _above(buf, i, 32) & ~_above(buf, i, 126) & ~_equal(buf, i, 38)
    plain = visible | (_equal(buf, i, 32) & (visible >> 1))
    return lowest_bit(~plain)
