"""Pass devices: register blocks, their registers and the fields of these."""
import math

from .. import ast, model
from ..limits import DEVICE_MAX, INTS, RESERVED_BITS
from .context import Scope
from .types import Types

# The access of a register, and what its fields may have.
_FIELD_ACCESS = {"rw": ("rw", "ro", "wo", "w1c", "w1s", "rc"), "ro": ("ro", "rc"), "wo": ("wo",),
                 "w1c": ("w1c", "ro"), "w1s": ("w1s", "ro"), "rc": ("rc", "ro")}
_TYPES = ("enum", "flags", "const")
_WRITE_ONLY = ("wo",)
_FULLY_WRITTEN = ("rw", "wo")


def run(context):
    for space in context.namespaces:
        for decl in space.of(ast.TypeDecl) if space.path.endswith(".dev") else ():
            if decl.kind not in _TYPES:
                context.error("E1318", decl.name.span, f"a {decl.kind} in a device file",
                              "no register holds one", "use an enum or flags, or move it to the "
                              ".if file that needs it")
        for decl in space.of(ast.Device):
            made = _Device(context, space, decl).check()
            if made is not None:
                context.build.devices.append(made)


class _Device:
    def __init__(self, context, space, decl):
        self.context = context
        self.error = context.error
        self.decl = decl
        self.space = space
        self.scope = Scope(context, space)
        self.types = Types(context, space)
        self.word = self.size = None
        self.taken = []        # (first byte, stride, count, ast.Register) of the registers so far

    def check(self):
        """The model of the device; None if it makes no sense to look at its registers."""
        decl = self.decl
        self.reserved_name(decl.name)
        for what, value in (("size", decl.size), ("word", decl.word)):
            if value is None:
                self.error("E1301", decl.name.span, f"device `{decl.name.text}` has no {what}",
                           f"expected `{what} ..;` inside", "write `size 4KiB; word u32 little;`")
        if decl.size is None or decl.word is None:
            return None
        bits, signed = INTS.get(decl.word.text, (0, False))
        if not bits or signed:
            self.error("E1301", decl.word.span, f"`{decl.word.text}` is not a word of registers",
                       "expected u8, u16, u32 or u64", "use u32")
            return None
        self.word = bits
        self.size = self.types.int(decl.size, self.scope)
        if self.size is None or not self.right_size():
            return None
        registers = [self.register(item) for item in decl.registers]
        return model.Device(decl.name.text, self.space.stem, self.size, model.Int(bits),
                            decl.order.text == "big", [r for r in registers if r is not None],
                            decl.doc, decl.name.span)

    def reserved_name(self, name):
        if name.text.startswith("dev_") or name.text == "dev":
            self.error("E1317", name.span, f"`{name.text}` is reserved", "begins with `dev_`",
                       "find another name")
        elif self.space.stem.startswith("dev_"):
            self.error("E1317", name.span, f"the file's name `{self.space.stem}` is reserved",
                       "it begins with `dev_`", "give the file another name")

    def right_size(self):
        if 0 < self.size <= DEVICE_MAX and self.size * 8 % self.word == 0:
            return True
        self.error("E1302", self.decl.size.span, f"a register block of {self.size} bytes",
                   f"expected a multiple of {self.word // 8}, up to 4GiB",
                   "write the size that the manual gives, such as 4KiB")
        return False

    # Registers -----------------------------------------------------------------------------

    def register(self, decl):
        offset = self.types.int(decl.offset, self.scope)
        stride, count = None, 1
        if decl.stride is not None:
            stride = self.types.int(decl.stride, self.scope)
            count = self.types.int(decl.count, self.scope)
        known = offset is not None and count is not None and (decl.stride is None
                                                             or stride is not None)
        if not known or not self.placed(decl, offset, stride, count):
            return None
        attrs = self.attributes(decl)
        bits = {}
        made = [self.field(decl, item, bits) for item in decl.fields]
        fields = [field for field in made if field is not None]
        node = model.Register(decl.name.text, offset, stride, count, decl.access.text,
                              "sideeffect" in attrs, "shadow" in attrs, fields, decl.doc,
                              decl.name.span)
        if len(fields) == len(decl.fields):
            self.whole(decl, node)
        return node

    def placed(self, decl, offset, stride, count):
        """Does the register, or do all of an array, lie where registers can be?"""
        width = self.word // 8
        if stride is not None and (count == 0 or stride == 0):
            span, what = (decl.count.span, "no registers") if count == 0 else \
                (decl.stride.span, "stride 0")
            self.error("E1306", span, f"array `{decl.name.text}` has {what}",
                       "expected at least 1", "write how many there are and how far apart")
            return False
        for value, what, span in ((offset, "offset", decl.offset), (stride, "stride", decl.stride)):
            if value is not None and value % width:
                self.error("E1304", span.span, f"{what} {value:#x} of `{decl.name.text}` is not a "
                           f"multiple of the word", f"a word has {width} bytes",
                           "put registers of another width into a device of their own")
                return False
        end = offset + (stride or 0) * (count - 1) + width
        if end > self.size:
            self.error("E1303", decl.name.span, f"`{decl.name.text}` ends at {end:#x}",
                       f"the device ends at {self.size:#x}", "enlarge the size, or move it")
            return False
        return self.apart(decl, offset, stride or width, count)

    def apart(self, decl, offset, stride, count):
        for first, other_stride, other_count, other in self.taken:
            if _meet(offset, stride, count, first, other_stride, other_count):
                self.error("E1305", decl.name.span, f"`{decl.name.text}` overlaps "
                           f"`{other.name.text}`", "the second one", "give it another offset",
                           [(other.name.span, "the first one")])
                return False
        self.taken.append((offset, stride, count, decl))
        return True

    def attributes(self, decl):
        found = {}
        for attr in decl.attrs:
            if attr.text in found:
                self.error("E1316", attr.span, f"`{attr.text}` stands twice", "the second one",
                           "remove one of them", [(found[attr.text].span, "the first one")])
            found.setdefault(attr.text, attr)
        access = decl.access.text
        if "shadow" in found and access not in _FULLY_WRITTEN:
            self.error("E1316", found["shadow"].span, f"`shadow` does not apply to {access}",
                       "nothing to keep", "remove it")
        if "sideeffect" in found and access in _WRITE_ONLY:
            self.error("E1316", found["sideeffect"].span, f"`sideeffect` does not apply to "
                       f"{access}", "it is never read", "remove it")
        return found

    def whole(self, decl, node):
        """What can be said about a register once each of its fields is right."""
        if all(field.name == "" for field in node.fields):
            self.error("E1307", decl.name.span, f"`{node.name}` has no named field",
                       "nothing to read or write", "name its bits")
            return
        named = sum(field.mask() for field in node.fields)
        holes = ~named & ((1 << self.word) - 1)
        reserved = [f for f in node.fields if not f.name]
        if reserved and holes:
            low = (holes & -holes).bit_length() - 1
            self.error("E1310", decl.name.span, f"nothing is said about bit {low} of "
                       f"`{node.name}`", f"unnamed bits: {holes:#x}",
                       "name them, or say mbz, mb1 or keep",
                       [(reserved[0].span, "other reserved bits are named")])
        for field in reserved:
            if field.access == "keep" and (node.access != "rw" or node.shadow or node.sideeffect
                                           or any(f.access == "rc" for f in node.fields)):
                self.error("E1315", field.span, f"`keep` in `{node.name}`, which cannot just be "
                           f"read back", "would have to be read before each write",
                           "say mbz or mb1, whichever the manual asks for")

    # Fields --------------------------------------------------------------------------------

    def field(self, decl, item, bits):
        """The model of a field, None after an error. `bits`: those of the fields so far, by span;
        grows."""
        high, low = item.high.value, item.low.value
        if not low <= high < self.word:
            self.error("E1308", item.high.span.to(item.low.span), f"bits {high}..{low} of a word "
                       f"of {self.word} bits", "expected highest..lowest, from "
                       f"{self.word - 1} down to 0", "turn them round" if low > high else
                       "leave out bits that are not there")
            return None
        mine = (1 << high + 1) - (1 << low)
        for other, taken in bits.items():
            if mine & taken:
                self.error("E1309", item.span, f"bits {high}..{low} of `{decl.name.text}` overlap",
                           "the second use", "correct one of them", [(other, "the first use")])
                return None
        bits[item.span] = mine
        name, access = item.name.text, item.access
        if name in RESERVED_BITS:
            if access is not None or item.type is not None:
                self.error("E1312", (access or item.type).span, f"`{name}` has no "
                           f"{'access' if access else 'type'}", "these bits are reserved",
                           "give the field a name, or remove this")
                return None
            return model.RegField("", low, high - low + 1, name, None, item.doc, item.span)
        if access is not None and access.text not in _FIELD_ACCESS[decl.access.text]:
            self.error("E1311", access.span, f"`{name}` is {access.text} in a register that is "
                       f"{decl.access.text}", "expected " +
                       " or ".join(_FIELD_ACCESS[decl.access.text]),
                       "make the register rw, or correct the field")
            return None
        type_ = None
        if item.type is not None:
            type_ = self.field_type(item, high - low + 1)
            if type_ is None:
                return None
        return model.RegField(name, low, high - low + 1, (access or decl.access).text, type_,
                              item.doc, item.span)

    def field_type(self, item, bits):
        found = self.scope.find_type(item.type)
        if found is None:
            return None
        enum = self.context.made.get(id(found))
        homes = [s for s in self.context.namespaces if found in s.types.values()]
        if not isinstance(enum, model.Enum) or enum.type.signed \
                or not homes[0].path.endswith(".dev"):
            self.error("E1313", item.type.span, f"`{item.type.text()}` cannot be the type of a "
                       "field", "expected an enum or flags on an unsigned integer, of a .dev file",
                       "leave it out, the field is an integer then")
            return None
        for value in enum.values:
            if value.value is not None and value.value >> bits:
                self.error("E1314", item.type.span, f"`{enum.name}.{value.name}` is "
                           f"{value.value:#x}", f"the field has {bits} bit" + "s" * (bits > 1),
                           "widen the field, or use another type")
                return None
        return enum


def _meet(first, stride, count, first2, stride2, count2):
    """Do two rows of words, aligned to words, share one? That is, is there an i below `count` with
    first + stride * i = first2 + stride2 * j for a j below `count2`?"""
    low = max(0, -(-(first2 - first) // stride))
    high = min(count - 1, (first2 + stride2 * (count2 - 1) - first) // stride)
    step = math.gcd(stride, stride2)
    if low > high or (first2 - first) % step:
        return False
    period = stride2 // step
    i = (first2 - first) // step * pow(stride // step, -1, period) % period
    return low + (i - low) % period <= high
