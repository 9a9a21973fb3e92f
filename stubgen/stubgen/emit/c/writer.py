"""Writing word images in C. The values have the names of ctypes.in_params, or, with `result`, those
of a server's result variables (ret_x). Too long values leave with `fail`, which names the error
TOO_LARGE; everything else is for the receiver to judge."""
from ... import cnames, layout, model
from ..checks import implied, mark
from ..wrap import wrap
from . import ctypes
from .codec import enclosing, type_at

INDENT = "    "
TOO_LARGE = "RPC_ERR_TOO_LARGE"


class Writer:
    depth = 0                          # of loops over capabilities: i_, j_, ...

    def __init__(self, image, params, fail, result=False):
        self.image, self.params, self.fail, self.result = image, params, fail, result
        self.lines = []
        self.leases = []               # names of lent buffers that are leases: lent_[index]
        self.optionals = {i.path for i in image.items if i.role == "presence"}

    def line(self, text, depth=1):
        self.lines += [INDENT * depth + line for line in text.split("\n")]

    # Names

    def place(self, path):
        first = path[0]
        if self.result:
            base, join = f"ret_{first}", "."
        else:
            base, join = cnames.safe(first), "->"
        if len(path) == 1:
            return base
        return base + join + ".".join(cnames.safe(p) for p in path[1:])

    def present(self, path):
        if ctypes.is_handle(type_at(self.params, path)):
            return f"{self.place(path)} != 0"
        if len(path) > 1:
            return self.place(path[:-1] + ("x",))[:-1] + f"has_{path[-1]}"
        return f"ret_{path[0]}_present" if self.result else f"has_{path[0]}"

    def guarded(self, path, text):
        """`text`, or 0 if an optional value around it is absent."""
        names = [self.present(o) for o in enclosing(path, self.optionals)]
        return f"({' && '.join(names)} ? {text} : 0)" if names else text

    def length(self, item):
        """C of the bytes or elements that a count or room item tells."""
        type_ = type_at(self.params, item.path)
        suffix = "count" if isinstance(type_, model.Array) else "len"
        return self.guarded(item.path, f"{self.place(item.path)}_{suffix}")

    # Fixed part

    def bits(self, item):
        if item.role == "presence":
            outer = item.path[:-1]
            text = f"(uint64_t)({self.present(item.path)})"
            return self.guarded(outer, text) if outer else text
        if item.role in ("count", "room"):
            return f"(uint64_t){self.length(item)}"
        if item.role == "lease":
            return "0"                 # lend_words writes it
        place, type_ = self.place(item.path), item.type
        c_type = ctypes.elem_type(type_)
        signed = c_type.startswith("int") or (
            isinstance(type_, model.Named) and type_.decl.type.signed)
        if signed:
            text = f"(uint64_t)(uint{item.bits}_t){place}"
        else:
            text = place if c_type == "uint64_t" else f"(uint64_t){place}"
        return self.guarded(item.path, text)

    def words(self):
        """C of each word of the fixed part, without blocks."""
        parts = [[] for _ in range(self.image.fixed_words)]
        for item in self.image.items:
            if item.role != "block":
                shift = item.shift()
                parts[item.word()].append(
                    self.bits(item) + (f" << {shift}" if shift else ""))
        return [" | ".join(p) if p else "0" for p in parts]

    def checks(self):
        """C conditions that are true when something is too long."""
        found = []
        for item in self.image.items:
            if item.role in ("count", "room", "lease"):
                found.append(mark(f"{self.length(item)} > {item.bound}u"))
        for var in self.image.vars:
            if var.count is not None and var.count.role == "value" \
                    and var.path[0] not in self.leases:
                text = f"{self.place(var.count.path)} > {var.bound}u"
                # A shim has compared it with what was lent, which is no more.
                found.append(implied(text) if self.result else mark(text))
        return found

    def check(self):
        tests = self.checks()
        if tests:
            self.lines.append(wrap(f"{INDENT}if (", tests, ") {", " ||", INDENT * 2))
            self.line(self.fail, 2)
            self.line("}")

    # Whole images

    def write(self, target="w_"):
        """Fills the array `target`; declares pos_, the number of words."""
        self.check()
        for number, text in enumerate(self.words()):
            self.lines.append(wrap(f"{INDENT}{target}[{number}] = ", text.split(" | "), ";", " |",
                                   INDENT * 2))
        for item in self.image.items:
            if item.role == "block":
                self.block(item, target)
        if self.image.vars:
            self.line(f"uint32_t pos_ = {self.image.fixed_words};")
        for var in self.image.vars:
            self.var(var, target)
        return self.lines

    def count_text(self):
        return "pos_" if self.image.vars else str(self.image.fixed_words)

    def block(self, item, target):
        type_ = type_at(self.params, item.path)
        place = self.place(item.path)
        at = f"(uint8_t *){target} + {item.byte()}"
        guards = [self.present(o) for o in enclosing(item.path, self.optionals)]
        if guards:
            self.line(f"if ({' && '.join(guards)}) {{")
        if ctypes.is_struct(type_.elem):
            self.packed(at, place, type_.elem.decl, item, str(item.bound))
        else:
            self.line(f"__builtin_memcpy({at}, {place}, {item.stride * item.bound}u);")
        if guards:
            self.line("} else {")
            self.line(f"__builtin_memset({at}, 0, {item.stride * item.bound}u);", 2)
            self.line("}")

    def packed(self, at, place, decl, part, count):
        self.line(f"for (size_t i_ = 0; i_ < {count}; i_++) {{")
        self.line(f"uint64_t e_[{part.elem.fixed_words}];", 2)
        self.line("uint32_t end_ = 0;", 2)
        bad = f"!put_{cnames.type_base(decl)}(e_, &end_, &{place}[i_])"
        bad = mark(bad) if _has_counts(part.elem) else bad
        self.line(f"if ({bad}) {{", 2)
        self.line(self.fail, 3)
        self.line("}", 2)
        self.line(f"__builtin_memcpy({at} + i_ * {part.stride}u, e_, {part.stride}u);", 2)
        self.line("}")

    def position(self):
        return "&pos_"

    def var(self, var, target):
        type_ = type_at(self.params, var.path)
        place = self.place(var.path)
        if var.count is not None and var.count.role == "lease":
            self.line(f"const uint32_t {cnames.safe(var.path[0])}_at_ = pos_;")
            return
        if var.path[:1] and var.path[0] in self.leases:
            name, error = cnames.safe(var.path[0]), f"{var.path[0]}_put_err_"
            lease = f"&lent_[{self.leases.index(var.path[0])}]"
            self.lines.append(wrap(f"    errval_t {error} = lease_reply(", [
                lease, target, self.position(), "NULL" if self.result else name,
                self.place(var.count.path)], ");", indent=" " * 8))
            self.fail_if(f"err_is_fail({error})", error)
            return
        if var.kind in ("string", "bytes", "strings"):
            if isinstance(type_, model.Lend) or type_ is None:
                place = cnames.safe(var.path[0])
            length = self.place(var.count.path) if var.count.path != var.path \
                else self.length(var.count)
            self.line(f"msg_put_bytes({target}, {self.position()}, {place}, {length});")
            return
        if var.kind == "members":
            guards = [self.present(o) for o in enclosing(var.path, self.optionals)]
            at = place if self.is_pointer(var.path) else f"&{place}"
            call = f"!put_{cnames.type_base(type_.decl)}({target}, {self.position()}, {at})"
            self.fail_if(" && ".join(guards + [call]))
            return
        count = self.length(var.count) if var.count is not None else \
            self.guarded(var.path, str(var.bound))
        if var.kind == "packed" and not ctypes.is_struct(type_.elem):
            self.line(f"msg_put_bytes({target}, {self.position()}, {place}, "
                      f"{count} * {var.stride}u);")
            return
        decl = type_.elem.decl
        if var.kind == "packed":
            at = f"{'__'.join(var.path)}_at_"
            self.line(f"uint8_t *{at} = msg_put({target}, {self.position()}, "
                      f"{count} * {var.stride}u);")
            self.packed(at, place, decl, var, count)
            return
        self.fail_if(f"!msg_put_images({target}, {self.position()}, {count}, "
                     f"put_{cnames.type_base(decl)}, {place}, sizeof({place}[0]))")

    def fail_if(self, condition, error=TOO_LARGE):
        self.line(f"if ({mark(condition)}) {{")
        self.line(self.fail.replace(TOO_LARGE, error), 2)
        self.line("}")

    def is_pointer(self, path):
        """Is a struct, table or union at this path named by its address?"""
        return len(path) == 1 and not self.result

    def caps(self, add):
        """Lines that hand each capability to `add`(C of struct msg_cap)."""
        lines = []
        for part in self.image.caps:
            holder = type_at(self.params, part.path)
            place = self.place(part.path)
            if not ctypes.is_handle(part.type):
                lines += self.inside(part, holder, lambda w: w.caps(add))
            elif isinstance(holder, model.Array):
                lines.append(self.loop(part, holder))
                lines.append(INDENT + add(ctypes.sent_cap(part.type, f"{place}[{self.index}]")))
                lines.append(INDENT + "}")
            elif part.optional is not None:
                names = [self.present(o) for o in enclosing(part.path, self.optionals)]
                lines.append(f"{INDENT}if ({' && '.join(names)}) {{")
                lines.append(INDENT + add(ctypes.sent_cap(part.type, place)))
                lines.append(INDENT + "}")
            else:
                lines.append(add(ctypes.sent_cap(part.type, place)))
        return lines

    @property
    def index(self):
        return f"{'ijklmnop'[self.depth]}_"

    def loop(self, part, holder):
        """Begins a loop over an array. No more than there can be, for counts that were refused."""
        i, place = self.index, self.place(part.path)
        if part.count is None:
            more = f"{i} < {self.guarded(part.path, str(holder.count))}"
        else:
            more = f"{i} < {self.guarded(part.path, f'{place}_count')}"
            if self.result or not self.is_argument(part.path):
                more += f" && {i} < {holder.count}u"
        return f"{INDENT}for (size_t {i} = 0; {more}; {i}++) {{"

    def is_argument(self, path):
        """Is an array at this path the caller's, of any size?"""
        return len(path) == 1

    def inside(self, part, holder, make):
        """What `make`(writer) gives for the elements of an array, in a loop, or for the fields of a
        table or union."""
        place = self.place(part.path)
        if isinstance(holder, model.Array):
            begin, base = self.loop(part, holder), f"{place}[{self.index}]."
            decl, depth = holder.elem.decl, self.depth + 1
        else:
            guards = [self.present(o) for o in enclosing(part.path, self.optionals)]
            begin = f"{INDENT}if ({' && '.join(guards)}) {{" if guards else ""
            base = place + ("->" if self.is_pointer(part.path) else ".")
            decl, depth = holder.decl, self.depth
        if isinstance(decl, model.Struct):
            inner = make(_ElementWriter(part.type, decl.fields, base, depth))
        else:
            inner = _of_fields(layout.members_of(decl), base, depth, make)
        if not inner or not begin:
            return inner
        return [begin] + [INDENT + line for line in inner] + [INDENT + "}"]

    def moved(self, call):
        """Lines that call `call`(place) for each capability given away."""
        lines = []
        for part in self.image.caps:
            holder = type_at(self.params, part.path)
            place = self.place(part.path)
            if not ctypes.is_handle(part.type):
                lines += self.inside(part, holder, lambda w: w.moved(call))
                continue
            if not ctypes.is_moved(part.type):
                continue
            if isinstance(holder, model.Array):
                lines.append(self.loop(part, holder))
                lines.append(f"{INDENT * 2}{call(f'{place}[{self.index}]')}")
                lines.append(INDENT + "}")
            elif enclosing(part.path[:-1], self.optionals):
                lines.append(f"{INDENT}{call(self.guarded(part.path[:-1], place))}")
            else:
                lines.append(f"{INDENT}{call(place)}")
        return lines


def _has_counts(image):
    """Can anything in a packed element be too long?"""
    return any(item.role == "count" or isinstance(item.elem, layout.Image)
               and _has_counts(item.elem) for item in image.items)


def _of_fields(members, base, depth, make):
    """What `make`(writer) gives for each field of a table or union that holds capabilities."""
    lines = []
    for field, image in members.fields:
        inner = make(_ElementWriter(image, [field], base, depth)) if image.max_caps else []
        if inner:
            there = f"{base}{cnames.safe(field.name)} != 0" if ctypes.is_handle(field.type) \
                else f"{base}has_{field.name}"
            if members.is_union():
                there = f"{base}tag == {cnames.union_tag(members.decl, field)}"
            lines += [f"{INDENT}if ({there}) {{"] + [INDENT + line for line in inner] \
                + [INDENT + "}"]
    return lines


class StructWriter(Writer):
    """The fields of `in_`."""

    def __init__(self, image, fields):
        super().__init__(image, fields, "return false;")

    def place(self, path):
        return "in_->" + ".".join(cnames.safe(p) for p in path)

    def is_pointer(self, path):
        return False

    def is_argument(self, path):
        return False

    def present(self, path):
        if ctypes.is_handle(type_at(self.params, path)):
            return f"{self.place(path)} != 0"
        return self.place(path[:-1] + ("x",))[:-1] + f"has_{path[-1]}"

    def position(self):
        return "pos_"


class _ElementWriter(StructWriter):
    """The fields of an element named by `base`."""

    def __init__(self, image, fields, base, depth):
        super().__init__(image, fields)
        self.base = base
        self.depth = depth

    def place(self, path):
        return self.base + ".".join(cnames.safe(p) for p in path)
