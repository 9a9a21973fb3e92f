"""Reading and writing word images in C.

A reader declares one local per parameter (in the form of ctypes.in_params) and leaves at the first
thing that is not exactly as it must be. Where a value stands is asked of layout.py. Names that end
in `_` are the codec's own:
    w_   words of the image at hand        n_   words of the message
    rd_  cursor over the variable parts    cp_  cursor over the capabilities
Tables, unions and structs in arrays have functions of their own: elements.py."""
from ... import cnames, layout, model
from ...limits import WORD_BYTES
from ..cexpr import c_literal
from ..checks import implied, mark
from ..wrap import wrap
from . import ctypes

ALL = (1 << 64) - 1
INDENT = "    "


def mask_text(mask):
    return f"UINT64_C({mask:#x})"


def enclosing(path, optionals):
    """Paths of the optional values that `path` is or stands in, outer first."""
    return [path[:k] for k in range(1, len(path) + 1) if path[:k] in optionals]


def type_at(params, path):
    """The type at a path, without `?`; None for a path that is no parameter."""
    type_ = None
    for name in path:
        param = next((p for p in params if p.name == name), None)
        if param is None:
            return None                # a lent buffer in a reply
        type_, _ = ctypes.strip_optional(param.type)
        if ctypes.is_struct(type_):
            params = type_.decl.fields
    return type_


def has_one_cap(image, params):
    """Does the image carry exactly one capability, which is no element of anything?"""
    return image.max_caps == 1 and image.min_caps == 1 and is_plain_cap(image, params)


def is_plain_cap(image, params):
    """Is the only capability of the image a parameter, or a field of a struct that is there?"""
    part = image.caps[0]
    optionals = {item.path for item in image.items if item.role == "presence"}
    return ctypes.is_handle(type_at(params, part.path)) and not enclosing(part.path[:-1], optionals)


def is_any(type_):
    """Is every capability one of this type?"""
    return isinstance(type_, model.Cap) and not type_.kinds and not type_.rights


def is_cap_presence(params, item):
    return ctypes.is_handle(type_at(params, item.path))


def allowed_mask(item):
    """Bits of an item that can be set."""
    if item.role == "presence":
        return 1
    type_ = item.type
    if item.role == "value" and isinstance(type_, model.Bool):
        return 1
    if item.role == "value" and isinstance(type_, model.Named) and type_.decl.kind == "flags" \
            and not type_.decl.flexible:
        return sum(value.value for value in type_.decl.values)
    return (1 << item.bits) - 1


def word_masks(image):
    masks = [0] * image.fixed_words
    for item in image.items:
        mask = allowed_mask(item) << item.bit
        for word in range(len(masks)):
            masks[word] |= (mask >> (64 * word)) & ALL
    return masks


def bits_of(item):
    """C of an item's bits as uint64_t."""
    shift, mask = item.shift(), (1 << item.bits) - 1
    text = f"w_[{item.word()}]"
    if shift:
        text = f"{text} >> {shift}"
    if item.bits < 64 and shift + item.bits < 64:
        return f"({text} & {mask_text(mask)})" if not shift else f"({text} & {mask_text(mask)})"
    return f"({text})" if shift else text


def value_of(item):
    """C of a scalar item as its own type."""
    type_ = item.type
    shift = item.shift()
    text = f"w_[{item.word()}]" + (f" >> {shift}" if shift else "")
    c_type = ctypes.elem_type(type_)
    if isinstance(type_, model.Bool):
        return f"({text} & 1u) != 0"
    if item.bits == 64:
        return text if c_type == "uint64_t" else f"({c_type}){text}"
    signed = c_type.startswith("int") or (
        isinstance(type_, model.Named) and type_.decl.type.signed)
    if signed:
        return f"({c_type})(uint{item.bits}_t)({text})"
    return f"({c_type})({text})"


def value_checks(param, type_, name):
    """C conditions that are true when a scalar has a value it must not have."""
    tests = []
    if isinstance(type_, model.Named) and type_.decl.kind == "enum" and not type_.decl.flexible:
        values = sorted(v.value for v in type_.decl.values)
        if values[-1] - values[0] == len(values) - 1:
            tests += _range(type_.decl.type, values[0], values[-1], name)
        else:
            tests.append("(" + " && ".join(
                f"{name} != {c_literal(type_.decl.type, v)}" for v in values) + ")")
    if param is not None and param.range:
        base = type_.decl.type if isinstance(type_, model.Named) else type_
        tests += _range(base, param.range[0], param.range[1], name)
    if param is not None and param.pow2:
        tests.append(f"!msg_pow2({name})")
    return tests


def _range(int_type, low, high, name):
    tests = []
    least = -(1 << (int_type.bits - 1)) if int_type.signed else 0
    most = (1 << (int_type.bits - (1 if int_type.signed else 0))) - 1
    if low > least:
        tests.append(f"{name} < {c_literal(int_type, low)}")
    if high < most:
        tests.append(f"{name} > {c_literal(int_type, high)}")
    return tests


class Reader:
    """C that takes one image apart. `fail` and `fail_cap` are the statements for a malformed image
    and a wrong capability. `caps`: (array, info array, count) expressions, or None."""
    cursor_at = "&rd_"                 # C: address of the cursor over the variable parts
    caps_at = "&cp_"                   # C: address of the cursor over the capabilities
    counted_caps = False               # the runtime has looked at their number

    def __init__(self, image, params, fail, fail_cap, caps=None, one_cap=None):
        self.image, self.params = image, params
        self.fail, self.fail_cap = fail, fail_cap
        self.caps, self.one_cap = caps, one_cap
        self.lines, self.tests = [], []
        self.optionals = {i.path: i for i in image.items if i.role == "presence"}
        self.declared = set()
        self.names = {}
        self.leases = []               # names of lent buffers that are leases: lent_[index]

    # Output

    def line(self, text, depth=1):
        self.lines.append(INDENT * depth + text)

    def test(self, condition):
        self.tests.append(mark(condition))

    def flush(self, depth=1):
        if self.tests:
            pad = INDENT * depth
            self.lines.append(wrap(f"{pad}if (", self.tests, ") {", " ||", pad + INDENT))
            self.lines.append(f"{pad}{INDENT}{self.fail}")
            self.lines.append(f"{pad}}}")
            self.tests = []

    # Places

    def place(self, path):
        """The lvalue for `path`; declares a struct when its first field comes."""
        top = cnames.safe(path[0])
        if len(path) == 1:
            return top
        if path[0] not in self.declared:
            self.declared.add(path[0])
            type_ = type_at(self.params, path[:1])
            self.line(f"{ctypes.elem_type(type_)} {top}_v_;")
            clear = any(o[0] == path[0] for o in self.optionals) or self.has_var(path[0])
            if clear:
                self.line(f"__builtin_memset(&{top}_v_, 0, sizeof({top}_v_));")
        return f"{top}_v_." + ".".join(cnames.safe(p) for p in path[1:])

    def has_var(self, name):
        return any(v.path and v.path[0] == name for v in self.image.vars)

    def set(self, path, c_type, value):
        place = self.place(path)
        self.line(f"const {c_type} {place} = {value};" if len(path) == 1 else f"{place} = {value};")
        return place

    def present_name(self, path):
        if len(path) == 1:
            return f"has_{path[0]}"
        return self.place(path[:-1] + ("x",))[:-1] + f"has_{path[-1]}"

    def guard(self, path):
        """C that is true when the value at `path` is there, or ""."""
        names = [self.names[o] for o in enclosing(path, self.optionals)]
        return " && ".join(names)

    # Steps

    def read(self):
        for word, mask in enumerate(word_masks(self.image)):
            if mask != ALL:
                self.test(f"(w_[{word}] & ~{mask_text(mask)}) != 0" if mask else f"w_[{word}] != 0")
        self.flush()
        if self.image.vars:
            self.line(f"struct msg_reader rd_ = {{w_, {self.image.fixed_words}, n_}};")
        if self.image.caps and not self.one_cap:
            self.line("uint32_t cp_ = 0;")
        for item in self.image.order:
            if isinstance(item, layout.Item):
                self.item(item)
        for item in self.image.order:
            if isinstance(item, layout.Var):
                self.var(item)
        if self.image.vars:
            self.test("rd_.pos != n_")
            self.flush()
        for part in self.image.caps:
            self.cap(part)
        if self.image.min_caps != self.image.max_caps and not self.one_cap:
            bad = mark(f"cp_ != {self.caps[2]}")       # else there are never more
            self.lines.append(f"    if ({bad}) {{")
            self.line(self.fail_cap, 2)
            self.line("}")
        return self.lines

    def item(self, item):
        if item.role == "presence":
            self.presence(item)
        elif item.role in ("value", "room"):
            self.value(item)
        elif item.role == "count":
            self.count(item)
        elif item.role != "lease":
            self.block(item)
        self.flush()

    def presence(self, item):
        if is_cap_presence(self.params, item):
            name = f"has_{'__'.join(item.path)}_"
            self.line(f"const bool {name} = ({bits_of(item)}) != 0;")
        elif len(item.path) == 1:
            name = f"has_{item.path[0]}"
            self.line(f"const bool {name} = ({bits_of(item)}) != 0;")
        else:
            name = self.present_name(item.path)
            self.line(f"{name} = ({bits_of(item)}) != 0;")
        self.names[item.path] = name
        self.zero_if_absent(item, name)

    def zero_if_absent(self, item, name):
        """What stands under a presence bit is zero when it is not set."""
        under = [i for i in self.image.items
                 if i is not item and i.path[:len(item.path)] == item.path]
        masks = {}
        for other in under:
            mask = ((1 << other.bits) - 1) << other.bit
            for word in range(self.image.fixed_words):
                part = (mask >> (64 * word)) & ALL
                if part:
                    masks[word] = masks.get(word, 0) | part
        if masks:
            zero = " | ".join(f"w_[{w}]" if m == ALL else f"(w_[{w}] & {mask_text(m)})"
                              for w, m in sorted(masks.items()))
            self.test(f"(!{name} && ({zero}) != 0)")

    def value(self, item):
        guard = self.guard(item.path)
        if item.role == "room":
            name = f"{cnames.safe(item.path[0])}_len"
            self.line(f"const size_t {name} = {bits_of(item)};")
            self.test(f"{name} > {item.bound}u")
            return
        place = self.set(item.path, ctypes.elem_type(item.type), value_of(item))
        checks = [mark(text) for text in value_checks(item.param, item.type, place)]
        if checks and guard:
            self.test(f"({guard} && ({' || '.join(checks)}))")
        else:
            for check in checks:
                self.test(check)

    def count(self, item):
        type_ = type_at(self.params, item.path)
        suffix = "count" if isinstance(type_, model.Array) else "len"
        place = self.place(item.path)
        if len(item.path) == 1:
            self.line(f"const size_t {place}_{suffix} = {bits_of(item)};")
        else:
            self.line(f"{place}_{suffix} = {bits_of(item)};")
        self.bound(item, f"{place}_{suffix}")

    def bound(self, item, name):
        """Tests a count."""
        if item.bound < (1 << item.bits) - 1:
            text = f"{name} > {item.bound}u"
            self.test(implied(text) if self.is_too_much(item) else text)

    def is_too_much(self, item):
        """Does a message have too few words or capabilities for one more than the count's bound?"""
        for var in self.image.vars:
            if var.count is item and var.kind != "images":
                words = -(-(item.bound + 1) * var.stride // WORD_BYTES)
                return self.image.min_words - var.min_words + words > self.image.max_words
        caps = [part for part in self.image.caps if part.count is item]
        return any(self.image.min_caps - part.min + item.bound + 1 > self.image.max_caps
                   and ctypes.is_handle(part.type) for part in caps)

    def array_place(self, path, elem, count):
        if len(path) == 1 and path in self.declared:
            return cnames.safe(path[0]) + "_v_"
        if len(path) == 1:
            self.declared.add(path)
            name = cnames.safe(path[0]) + "_v_"
            self.line(f"{ctypes.elem_type(elem)} {name}[{count}];")
            if path in self.optionals and not type_at(self.params, path).at_most:
                self.line(f"__builtin_memset({name}, 0, sizeof({name}));")
            return name
        return self.place(path)

    def counted(self, path, place):
        """What the name of the number of elements begins with."""
        return place if len(path) > 1 else cnames.safe(path[0])

    def number(self, path, place, count, bound):
        """C of the number of elements; `count` is the Item that tells it, or None."""
        return f"{self.counted(path, place)}_count" if count is not None else str(bound)

    def block(self, item):
        """T[N] in the fixed part."""
        type_ = type_at(self.params, item.path)
        place = self.array_place(item.path, type_.elem, item.bound)
        at = f"(const uint8_t *)w_ + {item.byte()}"
        self.elements(place, type_, item, at, str(item.bound), self.guard(item.path))

    def elements(self, place, type_, part, at, count, guard):
        """Packed elements at the byte address `at` into the array `place`."""
        elem = type_.elem
        if not ctypes.is_struct(elem):
            self.line(f"__builtin_memcpy({place}, {at}, {count} * sizeof({place}[0]));"
                      if not isinstance(elem, model.Bool) else
                      f"for (size_t i_ = 0; i_ < {count}; i_++) {{")
            if isinstance(elem, model.Bool):
                bad = mark(f"((const uint8_t *)({at}))[i_] > 1")
                self.line(f"if ({bad}) {{", 2)
                self.line(self.fail, 3)
                self.line("}", 2)
                self.line(f"{place}[i_] = ((const uint8_t *)({at}))[i_] != 0;", 2)
                self.line("}")
                return
            checks = value_checks(part.param if not isinstance(elem, model.Named) else None, elem,
                                  f"{place}[i_]")
            if isinstance(elem, model.Named) and elem.decl.kind == "flags" \
                    and not elem.decl.flexible:
                allowed = sum(v.value for v in elem.decl.values)
                checks.append(f"({place}[i_] & ~{mask_text(allowed)}) != 0")
            if checks:
                limit = f"{guard} && i_ < {count}" if guard else f"i_ < {count}"
                self.line(f"for (size_t i_ = 0; {limit}; i_++) {{")
                self.tests = [mark(text) for text in checks]
                self.flush(2)
                self.line("}")
            return
        limit = f"{guard} && i_ < {count}" if guard else f"i_ < {count}"
        words = part.elem.fixed_words
        self.line(f"for (size_t i_ = 0; {limit}; i_++) {{")
        self.line(f"uint64_t e_[{words}] = {{0}};", 2)
        self.line(f"__builtin_memcpy(e_, {at} + i_ * {part.stride}u, {part.stride}u);", 2)
        self.line(f"struct msg_reader in_ = {{e_, 0, {words}}};", 2)
        self.tests = [mark(f"!get_{cnames.type_base(elem.decl)}(&in_, &{place}[i_])")]
        self.flush(2)
        self.line("}")

    def var(self, var):
        type_ = type_at(self.params, var.path)
        guard = self.guard(var.path)
        if var.kind in ("string", "bytes", "strings"):
            self.buffer(var, type_, guard)
            return
        if var.kind == "members":
            place = self.whole_place(var.path)
            text = mark(f"!get_{cnames.type_base(type_.decl)}({self.cursor_at}, &{place})")
            self.test(f"({guard} && {text})" if guard else text)
            self.flush()
            return
        place = self.array_place(var.path, type_.elem, var.bound)
        count = self.number(var.path, place, var.count, var.bound)
        if var.kind == "packed":
            part = f"{'__'.join(var.path)}_at_"
            self.line(f"const uint8_t *{part} = msg_part({self.cursor_at}, "
                      f"{count} * {var.stride}u);")
            self.test(f"{part} == NULL")
            self.flush()
            self.elements(place, type_, var, part, count, "")
            return
        if guard and var.count is None:
            count = f"({guard} ? {count} : 0)"
        self.test(f"!msg_get_images({self.cursor_at}, {count}, "
                  f"get_{cnames.type_base(type_.elem.decl)}, {place}, sizeof({place}[0]))")
        self.flush()

    def whole_place(self, path):
        """The lvalue for a table or union, which is declared here if it is a parameter."""
        if len(path) > 1:
            return self.place(path)
        name = f"{cnames.safe(path[0])}_v_"
        if path[0] not in self.declared:
            self.declared.add(path[0])
            self.line(f"{ctypes.elem_type(type_at(self.params, path))} {name};")
            if path in self.optionals:
                self.line(f"__builtin_memset(&{name}, 0, sizeof({name}));")
        return name

    def buffer(self, var, type_, guard):
        lent_out = isinstance(type_, model.Lend) or type_ is None
        place = self.place(var.path) if not lent_out else cnames.safe(var.path[0])
        length = f"{place}_len"
        if var.count is not None and var.count.path != var.path:
            length = cnames.safe(var.count.path[0])        # a lent buffer: its counting result
        part = f"{'__'.join(var.path)}_at_" if len(var.path) > 1 or lent_out else place
        elem = "char" if var.kind != "bytes" else "void"
        if lent_out and var.path[0] in self.leases:
            self.lease_bytes(var, place, length)
            return
        if lent_out and var.count is not None and var.count.path == var.path:
            part = place
        self.line(f"const {elem} *{part} = msg_part({self.cursor_at}, {length});")
        self.test(f"{part} == NULL")
        self.flush()
        if var.kind == "string":
            self.test(f"!msg_utf8_ok({part}, {length})")
        elif var.kind == "strings":
            self.test(f"!msg_strings_ok({part}, {length})")
        self.flush()
        if len(var.path) > 1:
            self.line(f"__builtin_memcpy({place}, {part}, {length});")
            if var.kind == "string":
                self.line(f"{place}[{length}] = 0;")

    def lease_bytes(self, var, name, length):
        """The bytes of a lease as far as they stand in the message."""
        lease = f"lent_[{self.leases.index(var.path[0])}]"
        if var.count.role == "lease":          # a request: the server's view
            self.line(f"{lease}.base = (void *)(uintptr_t)msg_part(&rd_, "
                      f"lease_inline_len(&{lease}));")
            self.test(f"{lease}.base == NULL")
            at = f"{lease}.base"
            length = f"lease_inline_len(&{lease})"
        else:
            part = f"{var.path[0]}_at_"
            self.line(f"const void *{part} = msg_part(&rd_, {lease}.bulk ? 0 : {length});")
            self.test(f"{part} == NULL")
            at = f"{lease}.bulk ? {name} : {part}"
        self.flush()
        if var.kind == "strings":
            self.test(f"!msg_strings_ok({at}, {length})")
        self.flush()

    def cap(self, part):
        type_ = part.type
        if self.one_cap:
            name, info = self.one_cap
            if not (self.counted_caps and is_any(type_)):
                bad = mark(f"!msg_cap_ok({info}, {ctypes.kinds_mask(type_)}, "
                           f"{ctypes.rights_mask(type_)})")
                self.line(f"if ({bad}) {{")
                self.line(self.fail_cap, 2)
                self.line("}")
            self.set(part.path, "caddr_t", name)
            return
        array, info, count = self.caps
        if not ctypes.is_handle(type_):
            self.inner_caps(part)
            return
        args = f"{array}, {info}, {count}, {self.caps_at}, {ctypes.kinds_mask(type_)}, " \
               f"{ctypes.rights_mask(type_)}"
        holder = type_at(self.params, part.path)
        guard = self.guard(part.path)
        if isinstance(holder, model.Array):
            place = self.array_place(part.path, type_, holder.count)
            number = self.number(part.path, place, part.count, holder.count)
            limit = f"{guard} && i_ < {number}" if guard and part.count is None \
                else f"i_ < {number}"
            self.line(f"for (size_t i_ = 0; {limit}; i_++) {{")
            self.line(f"if ({self.missing(part, f'!msg_cap_next({args}, &{place}[i_])')}) {{", 2)
            self.line(self.fail_cap, 3)
            self.line("}", 2)
            self.line("}")
            return
        place = self.cap_place(part.path)
        bad = self.missing(part, f"!msg_cap_next({args}, &{place})")
        self.line(f"if ({guard + ' && ' if guard else ''}{bad}) {{")
        self.line(self.fail_cap, 2)
        self.line("}")

    def missing(self, part, condition):
        """A check that can only find that a capability is missing is implied by one after it."""
        after = self.image.caps[self.image.caps.index(part) + 1:]
        return (implied if is_any(part.type) and any(p.min for p in after) else mark)(condition)

    def cap_place(self, path):
        """The lvalue for a capability, which is 0 now."""
        place = self.place(path)
        self.line(f"caddr_t {place} = 0;" if len(path) == 1 else f"{place} = 0;")
        return place

    def inner_caps(self, part):
        """Capabilities of the elements of an array, or of a table or union."""
        array, info, count = self.caps
        holder = type_at(self.params, part.path)
        guard = self.guard(part.path)
        decl = holder.elem.decl if isinstance(holder, model.Array) else holder.decl
        call = f"!getcaps_{cnames.type_base(decl)}({array}, {info}, {count}, {self.caps_at}, "
        if not isinstance(holder, model.Array):
            call = mark(f"{call}&{self.whole_place(part.path)})")
            self.line(f"if ({guard + ' && ' if guard else ''}{call}) {{")
            self.line(self.fail_cap, 2)
            self.line("}")
            return
        place = self.array_place(part.path, holder.elem, holder.count)
        number = self.number(part.path, place, part.count, holder.count)
        limit = f"{guard} && i_ < {number}" if guard and part.count is None else f"i_ < {number}"
        self.line(f"for (size_t i_ = 0; {limit}; i_++) {{")
        self.line(f"if ({mark(f'{call}&{place}[i_])')}) {{", 2)
        self.line(self.fail_cap, 3)
        self.line("}", 2)
        self.line("}")

    def arguments(self):
        """The locals, as arguments of a function that takes ctypes.in_params."""
        found = []
        for param in self.params:
            type_, optional = ctypes.strip_optional(param.type)
            name = cnames.safe(param.name)
            if optional and not ctypes.is_handle(type_):
                found.append(f"has_{param.name}")
            if param.name in self.leases:
                found.append(f"&lent_[{self.leases.index(param.name)}]")
            elif isinstance(type_, (model.Buf, model.Lend)):
                found += [name, f"{name}_len"]
            elif isinstance(type_, model.Array):
                found.append(f"{name}_v_")
                if type_.at_most:
                    found.append(f"{name}_count")
            elif ctypes.is_aggregate(type_):
                self.place((param.name, "x"))
                found.append(f"&{name}_v_")
            else:
                found.append(name)
        return found
