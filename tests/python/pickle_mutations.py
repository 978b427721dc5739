# SPDX-License-Identifier: MIT
"""Makes pickles that are nearly right out of pickles that are: bytes changed, opcodes changed, programs made up.

All names in them are of things that do not exist, or go to inert classes (pickle_oracle.py). A random.Random decides
everything, so a seed and a number tell which mutant it was.
"""

import pickletools
import struct

OPCODES = {ord(info.code): info for info in pickletools.opcodes}
CODES = sorted(OPCODES)
NAMES = {info.name: bytes([code]) for code, info in OPCODES.items()}
PUTS = b"pqr\x94"
GETS = b"ghj"
FRAME = b"\x95"

WORDS = [b"mod", b"name", b"os", b"system", b"a.b", b"A.B.c", b"__main__", b"x", b"", b"a b", b"a:b", b"\xc3\xa9", b"a\r"]
WORDS += [b"copy_reg", b"copyreg", b"_reconstructor", b"__newobj__", b"__newobj_ex__", b"__builtin__", b"builtins"]
WORDS += [b"reduce", b"xrange", b"exceptions", b"a\\x2eb", b"a..b", b"<locals>", b"\xed\xa0\x80", b"\xff", b"n" * 300]
PAIRS = [(b"mod", b"name"), (b"os", b"system"), (b"copy_reg", b"_reconstructor"), (b"copyreg", b"__newobj__")]
PAIRS += [(b"copyreg", b"__newobj_ex__"), (b"__builtin__", b"object"), (b"mod", b"A.b"), (b"mod", b"other")]
PAIRS += [(b"builtins", b"getattr"), (b"__builtin__", b"getattr")]
INTEGERS = [b"0", b"1", b"2", b"-7", b"00", b"01", b"07", b"017", b"+1", b" 1", b"1 ", b"1_0", b"0x1f", b"0b1", b"1\x00x"]
INTEGERS += [b"-0", b"", b"99999999999", b"1\r", b"\xd9\xa1"]
FLOATS = [b"2.5", b"1e9", b"-inf", b" 1.5", b"1_0.0", b"1e999", b"nan", b"1.5\x00junk", b"-nan", b"inf", b".5", b"5.", b"1E5"]
FLOATS += [b"1.7976931348623157e+308", b"1.7976931348623159e+308", b"infinity", b"0x1p3", b"1e-400", b"-0.0"]
LONGS = [b"5L", b"5", b"-3L", b"0x10L", b"1_0L", b"L", b"5\x00xyzL", b"5l", b"05L", b" 5L", b"-0L", b"9" * 40 + b"L"]
STRINGS = [b"'os'", b'"os"', b"'\\x41'", b"'\\q'", b"'", b"'a'b'", b"''", b"'\\n\\\\'", b"'\\101'", b"' a ' ", b"'\xff'"]
STRINGS += [b"'\\xe9'", b"'\"'", b"'a", b"a", b"'\\'", b"'\\u0041'", b"u'a'"]
UNICODES = [b"os", b"\\u006fs", b"o\\s", b"\\u20ac", b"\\U0001f600", b"\xe9", b"\\u005c", b"\\", b"\\u12", b"\\\\u0041"]
UNICODES += [b"\\ud800", b"\\U00110000", b"\\x41", b"\\u000a"]


def line_argument(info, rng):
    name = info.arg.name
    if name == "stringnl_noescape_pair":
        pair = rng.choice(PAIRS) if rng.random() < 0.6 else (rng.choice(WORDS), rng.choice(WORDS))
        return pair[0] + b"\n" + pair[1]
    if info.name in ("GET", "PUT"):
        return b"%d" % rng.randrange(6) if rng.random() < 0.7 else rng.choice(INTEGERS)
    choices = {"stringnl": STRINGS, "decimalnl_long": LONGS, "decimalnl_short": INTEGERS, "floatnl": FLOATS}
    choices["unicodestringnl"] = UNICODES
    return rng.choice(choices.get(name, WORDS))


def make_opcode(rng, code=None):
    """An opcode with an argument that is mostly right."""
    code = rng.choice(CODES) if code is None else code
    if code == ord(".") and rng.random() < 0.95:
        code = ord("0")
    info = OPCODES[code]
    out = bytes([code])
    size = info.arg.n if info.arg else 0
    if size == 0:
        return out
    if size == -1:
        return out + line_argument(info, rng) + b"\n"
    if info.name == "FRAME":
        return out + struct.pack("<Q", rng.choice((0, 1, 2, 3, 5, 9, 20, 1 << 40)))
    if info.name == "PROTO":
        return out + bytes([rng.choice((0, 1, 2, 3, 4, 5, 6))])
    if size > 0:
        return out + bytes([rng.choice((0, 0, 1, 2, 3, 4, 5, 200))]) + b"\0" * (size - 1)
    word = rng.choice(WORDS)
    length = len(word) + rng.choice((0,) * 12 + (1, -1))
    prefix = {"1": "<B", "4": "<I", "8": "<Q"}[info.arg.name[-1]]
    return out + struct.pack(prefix, max(length, 0) & 0xFF if prefix == "<B" else max(length, 0)) + word


def split(pickle):
    """A pickle as its opcodes with their arguments; without FRAMEs, of which changes make nonsense at once."""
    try:
        places = [position for _, _, position in pickletools.genops(pickle)]
    except Exception:
        return []
    pieces = [pickle[a:b] for a, b in zip(places, places[1:] + [len(pickle)])]
    return [piece for piece in pieces if piece[:1] != FRAME]


# ---- changes of a list of opcodes ----


def index_piece(code, index):
    if code in b"gp":
        return bytes([code]) + b"%d\n" % index
    if code in b"hq":
        return bytes([code, index & 255])
    return bytes([code]) + struct.pack("<I", index)


def change_index(pieces, rng):
    at = [i for i, piece in enumerate(pieces) if piece[0] in b"pqrghj"]
    if at:
        i = rng.choice(at)
        code = pieces[i][0]
        if rng.random() < 0.3:
            code = rng.choice(PUTS[:3] if code in PUTS else GETS)
        pieces[i] = index_piece(code, rng.choice((0, 1, 2, 3, rng.randrange(40), rng.randrange(300))))


def change_name(pieces, rng):
    at = [i for i, piece in enumerate(pieces) if piece[0] in b"ciX\x8cUTVS"]
    if at:
        i = rng.choice(at)
        pieces[i] = make_opcode(rng, rng.choice(b"ci" if pieces[i][0] in b"ci" else b"X\x8cUTVS\x8d"))


def change_protocol(pieces, rng):
    proto = b"\x80" + bytes([rng.randrange(7)])
    if pieces and pieces[0][:1] == b"\x80" and rng.random() < 0.7:
        pieces[0] = proto
    else:
        pieces.insert(rng.choice((0, rng.randrange(len(pieces) + 1))), proto)


def change_mark(pieces, rng):
    at = rng.randrange(len(pieces) + 1)
    pieces.insert(at, b"(")
    if rng.random() < 0.8:
        closer = rng.choice((b"0", b"1", b"t", b"l", b"d", b"e", b"u", b"\x90", b"\x91", b"o", b"imod\nname\n"))
        pieces.insert(min(len(pieces), at + 1 + rng.randrange(6)), closer)


def add_neutral(pieces, rng):
    """Something that comes and goes again, or doubles: the rest means what it did."""
    at = rng.randrange(len(pieces) + 1)
    value = make_program(rng, rng.randrange(1, 8), True)
    pieces[at:at] = rng.choice(([value, b"0"], [b"(", value, b"1"], [b"2", b"0"], [b"(", b"0"], [b"(", value, b"0", b"0"]))


def remember(pieces, rng):
    """A memo entry is made again, or made twice under two numbers, or fetched and dropped."""
    at, index = rng.randrange(len(pieces) + 1), rng.randrange(8)
    put = index_piece(rng.choice(PUTS[:3]), index)
    get = index_piece(rng.choice(GETS), rng.randrange(8))
    pieces[at:at] = rng.choice(([put], [get, put, b"0"], [get, b"0"], [b"\x94"], [put, index_piece(113, index + 1)]))


def change_kind(pieces, rng):
    groups = (b"Rob\x81\x92", b"sau e\x90".replace(b" ", b""), b"cio", b"tld\x91", b"\x85\x86\x87", b"])}\x8f", b"N\x88\x89")
    at = rng.randrange(len(pieces))
    for group in groups:
        if pieces[at][0] in group:
            pieces[at] = make_opcode(rng, rng.choice(group))


def splice(pieces, rng, other):
    if other:
        start = rng.randrange(len(other))
        at = rng.randrange(len(pieces) + 1)
        pieces[at : at + rng.randrange(4)] = other[start : start + rng.randrange(1, 12)]


def put_frames(pieces, rng):
    """Frames as picklers write them, or nearly."""
    out, rest = [], list(pieces)
    if rest and rest[0][:1] == b"\x80":
        out.append(rest.pop(0))
    while rest:
        count = rng.choice((len(rest), rng.randrange(1, len(rest) + 1)))
        inside = b"".join(rest[:count])
        size = len(inside) + rng.choice((0,) * 9 + (1, -1, 3))
        out += [FRAME + struct.pack("<Q", max(size, 0)), inside]
        rest = rest[count:]
    return out


def mutate_opcodes(pieces, rng, other):
    pieces = list(pieces)
    for _ in range(rng.choice((1, 1, 1, 1, 2, 2, 3, 6))):
        if not pieces:
            break
        kind, at = rng.randrange(16), rng.randrange(len(pieces))
        if kind == 0:
            del pieces[at : at + rng.choice((1, 1, 1, 2, 5))]
        elif kind == 1:
            pieces.insert(at, rng.choice(pieces))
        elif kind == 2:
            swap = rng.randrange(len(pieces))
            pieces[at], pieces[swap] = pieces[swap], pieces[at]
        elif kind == 3:
            pieces.insert(at, make_opcode(rng))
        elif kind == 4:
            pieces[at] = make_opcode(rng)
        elif kind == 5:
            pieces[at] = make_opcode(rng, pieces[at][0] if pieces[at][0] in OPCODES else None)
        elif kind == 6:
            splice(pieces, rng, other)
        elif kind == 7:
            change_protocol(pieces, rng)
        else:
            change = (change_index, change_name, change_mark, add_neutral, remember, change_kind, add_neutral, change_index)
            change[kind - 8](pieces, rng)
    if rng.random() < 0.15:
        pieces = put_frames(pieces, rng)
    return b"".join(pieces)


# ---- changes of bytes ----


def mutate_bytes(data, rng):
    mutated = bytearray(data[:600] if len(data) <= 600 else data[:300] + data[-300:])
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        position = rng.randrange(len(mutated) + 1)
        kind = rng.randrange(6)
        byte = rng.choice((rng.randrange(256), rng.choice(CODES), rng.choice(CODES), 0, 10, 255))
        if kind == 0 and position < len(mutated):
            mutated[position] = byte
        elif kind == 1:
            mutated.insert(position, byte)
        elif kind == 2 and position < len(mutated):
            del mutated[position]
        elif kind == 3 and position < len(mutated):
            mutated[position] ^= 1 << rng.randrange(8)
        elif kind == 4:
            start = rng.randrange(len(mutated) + 1)
            mutated[position:position] = mutated[start : start + rng.randrange(1, 12)]
        elif kind == 5:
            del mutated[position : position + rng.randrange(1, 6)]
    return bytes(mutated)


# ---- programs made up ----

LITERALS = [b"N", b"K\x01", b"]", b"}", b")", b"\x8f", b"\x88", b"X\x01\0\0\0k", b"X\x02\0\0\0os", b"C\x01b", b"I01\n", b"F2.5\n"]
LITERALS_4 = [b"\x8c\x01k", b"\x8c\x03mod", b"\x8c\x04name", b"\x8d\1\0\0\0\0\0\0\0x", b"J\1\0\0\0", b"G" + bytes(8)]
LITERALS_2 = [b"U\x01s", b"S'os'\n", b"Vk\n", b"L5L\n", b"T\1\0\0\0s"]
GLOBALS = [b"c" + module + b"\n" + name + b"\n" for module, name in PAIRS]
GLOBALS_4 = [b"\x8c" + bytes([len(m)]) + m + b"\x8c" + bytes([len(n)]) + n + b"\x93" for m, n in PAIRS]
CALLS = [b")R", b")\x81", b"K\x01\x85R", b"N\x86R".replace(b"N", b"NN"), b")}\x92", b"NN\x87R".replace(b"NN", b"NNN")]
MUTATIONS = [b"}b", b"K\x01K\x02s", b"K\x01a", b"(K\x01K\x02u", b"(K\x01e", b"(K\x01\x90", b"}}\x86b", b"N}\x86b", b"(u", b"(e"]


def make_value(rng, protocol):
    """One value that is whole in itself."""
    kind = rng.randrange(8)
    literals = LITERALS + (LITERALS_4 if protocol >= 4 else LITERALS_2 if protocol <= 2 else [])
    if kind < 3:
        return rng.choice(literals)
    function = rng.choice(GLOBALS + (GLOBALS_4 if protocol >= 4 else []))
    if kind == 3:
        return function
    if kind == 4:
        return b"(" + function + rng.choice((b"", b"K\x01", b"N")) + b"o"
    if kind == 5 and rng.random() < 0.5:
        text = rng.choice(LITERALS_4[:3] if protocol >= 4 else [b"Vk\n", b"X\1\0\0\0k"])
        return rng.choice(GLOBALS[-2:]) + b"(" + rng.choice(GLOBALS) + text + b"tR" + rng.choice(CALLS + [b""] * 6)
    made = function + rng.choice(CALLS)
    if rng.random() < 0.3:
        inner = rng.choice(GLOBALS)
        made = function + inner + rng.choice((b"\x85R", b"NN\x87R", b"N\x86R", b"\x85\x81", b")\x86R"))
    return made + (rng.choice(MUTATIONS) if rng.random() < 0.5 else b"")


def make_program(rng, length=None, is_part=False):
    """Opcodes chosen so that the stack mostly has what they need."""
    protocol = rng.choice((0, 2, 2, 3, 4, 4, 5, 5))
    out, depth, marks, memo = bytearray(), 0, [], 0
    if not is_part and protocol:
        out += b"\x80" + bytes([protocol])
    for _ in range(rng.randrange(2, 40) if length is None else length):
        choice = rng.randrange(20)
        have = depth - (marks[-1] if marks else 0)
        if choice < 6:
            out += make_value(rng, protocol)
            depth += 1
        elif choice == 6 and len(marks) < 4:
            out += b"("
            marks.append(depth)
        elif choice < 9 and marks:
            opcode = rng.choice((b"t", b"l", b"d", b"u", b"e", b"\x90", b"\x91", b"1", b"o", b"imod\nname\n"))
            depth = marks.pop() + (opcode not in (b"u", b"e", b"\x90", b"1"))
            out += opcode
        elif choice < 11 and have >= 1 and not is_part:
            out += rng.choice((b"\x94", b"q%c" % memo, b"q%c" % memo, b"p%d\n" % memo, b"q%c" % rng.randrange(4)))
            memo += 1
        elif choice < 13 and memo:
            entry = rng.randrange(memo)
            out += index_piece(rng.choice(GETS), entry)
            depth += 1
        elif choice == 13 and have >= 1:
            out += rng.choice((b"2", b"0", b"\x85", b"Q", b"\x98", b"0"))
            depth += {ord("2"): 1, ord("0"): -1}.get(out[-1], 0)
        elif choice < 17 and have >= 2:
            out += rng.choice((b"R", b"\x81", b"b", b"a", b"\x86", b"\x93", b"b", b"a"))
            depth -= 1
        elif choice == 17 and have >= 3:
            out += rng.choice((b"\x87", b"s", b"\x92", b"s"))
            depth -= 2
        elif choice == 18 and not is_part:
            out += rng.choice((b"\x97", b"Ppid\n", b"\x80\x02", b"\x80\x04", FRAME + b"\x03" + bytes(7)))
            depth += out[-1:] not in (b"\x02", b"\x04", b"\0")
        elif have >= 1:
            out += rng.choice(MUTATIONS)
    if is_part:
        return make_value(rng, protocol)
    if rng.random() < 0.8:
        # What a pickler leaves: one value.
        out += b"1" * len(marks) + b"0" * max(0, min(depth, 60) - 1)
    return bytes(out + b".")


# ---- programs that are right ----


class Maker:
    """Writes opcodes that find on the stack what they need, in the protocol that is in force."""

    def __init__(self, rng):
        self.rng = rng
        self.protocol = rng.choice((0, 1, 2, 2, 3, 4, 4, 5))
        self.out = bytearray(b"\x80" + bytes([self.protocol]) if self.protocol >= 2 else b"")
        self.stack, self.marks, self.memo = [], [], {}

    def kinds(self):
        """What may be taken: the kinds above the last mark."""
        return self.stack[self.marks[-1] if self.marks else 0 :]

    def put(self, code, *kinds):
        self.out += code
        self.stack.extend(kinds)

    def take(self, code, count, *kinds):
        del self.stack[len(self.stack) - count :]
        self.put(code, *kinds)

    def text(self):
        word = self.rng.choice((b"k", b"name", b"mod", b"a", b"RED", b"_reconstructor", b"copyreg"))
        forms = [b"V" + word + b"\n", b"X" + struct.pack("<I", len(word)) + word]
        if self.protocol >= 4:
            forms += [b"\x8c" + bytes([len(word)]) + word] * 3 + [b"\x8d" + struct.pack("<Q", len(word)) + word]
        elif self.protocol < 3:
            forms += [b"U" + bytes([len(word)]) + word, b"T" + struct.pack("<I", len(word)) + word, b"S'" + word + b"'\n"]
        self.put(self.rng.choice(forms), "str")

    def name(self):
        if self.protocol >= 4 and self.rng.random() < 0.5:
            self.put(self.rng.choice(GLOBALS_4), "global")
        else:
            self.put(self.rng.choice([g for g in GLOBALS if b"A.b" not in g]), "global")

    def literal(self):
        choices = [(b"N", "none"), (b"]", "list"), (b"}", "dict"), (b")", "tuple"), (b"K\x01", "int"), (b"I01\n", "bool")]
        choices += [(b"F2.5\n", "float"), (b"J\1\0\0\0", "int")]
        if self.protocol >= 2:
            choices += [(b"\x88", "bool"), (b"\x8a\x01\x05", "int")]
        if self.protocol >= 3:
            choices += [(b"C\x01b", "bytes")]
        if self.protocol >= 4:
            choices += [(b"\x8f", "set"), (b"\x8e\1\0\0\0\0\0\0\0x", "bytes")]
        self.put(*self.rng.choice(choices))

    def use_memo(self):
        if self.memo and self.rng.random() < 0.6:
            index = self.rng.choice(sorted(self.memo))
            codes = [c for c in GETS if c != ord("h") or index < 256]
            self.put(index_piece(self.rng.choice(codes), index), self.memo[index])
        elif self.kinds():
            index = len(self.memo)
            memoize = self.protocol >= 4 and self.rng.random() < 0.7
            self.out += b"\x94" if memoize else index_piece(self.rng.choice(b"pr" if index > 255 else b"pqr"), index)
            self.memo[index] = self.stack[-1]

    def combine(self):
        """One opcode of those that fit what is on top."""
        kinds, rng = self.kinds(), self.rng
        top = kinds[-1] if kinds else None
        second = kinds[-2] if len(kinds) > 1 else None
        fits = []
        if top in ("tuple",) and second == "global":
            fits += [(b"R", 2, "instance")] * 3 + ([(b"\x81", 2, "instance")] * 2 if self.protocol >= 2 else [])
        if top == "dict" and second == "tuple" and kinds[-3:-2] == ["global"] and self.protocol >= 4:
            fits.append((b"\x92", 3, "instance"))
        if second == "instance":
            fits += [(b"b", 2, "instance"), (b"b", 2, "instance"), (b"a", 2, "instance")]
        if kinds[-3:-2] == ["instance"]:
            fits += [(b"s", 3, "instance")] * 2
        if second == "list":
            fits.append((b"a", 2, "list"))
        if kinds[-3:-2] == ["dict"] and second in ("str", "int", "none", "instance", "global"):
            fits.append((b"s", 3, "dict"))
        if top == "str" and second == "str" and self.protocol >= 4:
            fits.append((b"\x93", 2, "global"))
        if self.protocol >= 2:
            fits += [(code, n, "tuple") for n, code in ((1, b"\x85"), (2, b"\x86"), (3, b"\x87")) if len(kinds) >= n]
        if top is not None:
            rare = [(b"2", 1, top, top), (b"0", 1), (b"Q", 1, "persistent")]
            fits += rare if rng.random() < 0.15 else []
        if fits:
            code, count, *made = rng.choice(fits)
            self.take(code, count, *made)

    def close(self):
        """Takes the last mark back, by an opcode that fits what is above and below it."""
        kinds = self.kinds()
        self.marks.pop()
        below = self.kinds()[: len(self.kinds()) - len(kinds)]
        keys = all(kind in ("str", "int", "none", "instance") for kind in kinds[::2]) and len(kinds) % 2 == 0
        hashable = all(kind in ("str", "int", "none", "instance") for kind in kinds)
        fits = [(b"1", 0), (b"t", 0, "tuple"), (b"l", 0, "list")]
        fits += [(b"d", 0, "dict")] if keys else []
        fits += [(b"\x91", 0, "frozenset")] if hashable and self.protocol >= 4 else []
        fits += [(b"o", 0, "instance")] if kinds[:1] == ["global"] else []
        fits += [(b"imod\nname\n", 0, "instance")]
        if below and kinds:
            fits += [(b"e", 1, below[-1])] * 3 if below[-1] in ("list", "instance") else []
            fits += [(b"u", 1, below[-1])] * 3 if below[-1] in ("dict", "instance") and keys else []
            fits += [(b"\x90", 1, "set")] * 3 if below[-1] == "set" and hashable else []
        code, count, *made = self.rng.choice(fits)
        self.take(code, len(kinds) + count, *made)

    def finish(self):
        while self.marks:
            self.close()
        while len(self.stack) > 1:
            if self.protocol >= 2 and self.rng.random() < 0.7:
                self.take(b"\x86", 2, "tuple")
            else:
                self.take(b"0", 1)
        if not self.stack:
            self.put(b"N", "none")
        return bytes(self.out + b".")


def make_right_program(rng):
    maker = Maker(rng)
    for _ in range(rng.randrange(3, 45)):
        choice = rng.randrange(20)
        if choice < 3:
            maker.literal()
        elif choice < 5:
            maker.text()
        elif choice < 8:
            maker.name()
        elif choice == 8 and len(maker.marks) < 4:
            maker.out += b"("
            maker.marks.append(len(maker.stack))
        elif choice == 9 and maker.marks:
            maker.close()
        elif choice < 13:
            maker.use_memo()
        else:
            maker.combine()
    return maker.finish()
