"""C functions of one type: get_, getcaps_ and put_ of tables, unions and structs that are elements
of arrays. They follow a cursor, so they nest.

    static bool get_X(struct msg_reader *rd_, void *to_)
    static bool getcaps_X(caps_, info_, count_, cp_, void *to_)    if it holds capabilities
    static bool put_X(uint64_t *all_, uint32_t *pos_, const void *from_)

A get function marks an optional capability that is there with 1, and getcaps puts it there. A put
function fails if something is too long."""
from ... import cnames, layout, model
from ..checks import mark, validator
from ..wrap import wrap
from . import ctypes
from .codec import ALL, INDENT, Reader, bits_of, is_cap_presence, mask_text, type_at, word_masks
from .writer import StructWriter


def _flags(decl):
    flags = ["MSG_MEMBERS_UNION"] if decl.kind == "union" else []
    return " | ".join(flags + ["MSG_MEMBERS_FLEXIBLE"] * decl.flexible) or "0"


def _bit(field):
    return mask_text(1 << (field.ordinal - 1))


def _indented(lines):
    return [INDENT + line for text in lines for line in text.split("\n")]


# Reading -------------------------------------------------------------------------------------


def get_function(decl):
    """get_X, and getcaps_X if X holds capabilities."""
    head = wrap(f"static bool get_{cnames.type_base(decl)}(",
                ["struct msg_reader *rd_", "void *to_"], ")")
    body = [f"    {ctypes.struct_name(decl)} *const out_ = to_;"]
    if isinstance(decl, model.Struct):
        body.append("    __builtin_memset(out_, 0, sizeof(*out_));")
        reader = _StructReader(ctypes.image_of(decl), decl.fields)
        reader.is_packed = reader.image.is_fixed()
        body += reader.read()
        caps = _struct_caps(decl)
    else:
        members = layout.members_of(decl)
        body += _get_members(members)
        caps = _members_caps(members)
    body = validator(body + ["    return true;"])
    return "\n".join([head, "{"] + body + ["}", ""] + _getcaps(decl, caps))


def _get_members(members):
    lines = ["    struct msg_members m_;", "    __builtin_memset(out_, 0, sizeof(*out_));",
             "    if (" + mark(wrap("!msg_members_enter(", [
                 "rd_", "&m_", mask_text(members.known), f"{members.max_words - 1}u",
                 _flags(members.decl)], ")", indent=INDENT * 2)) + ") {",
             "        return false;", "    }"]
    for field, image in members.fields:
        lines.append(f"    if ((m_.present & {_bit(field)}) != 0) {{")
        if members.is_union():
            lines.append(f"        out_->tag = {cnames.union_tag(members.decl, field)};")
        elif ctypes.is_handle(field.type):
            lines.append(f"        out_->{cnames.safe(field.name)} = 1;")
        else:
            lines.append(f"        out_->has_{field.name} = true;")
        lines += _indented(_StructReader(image, [field]).read()) + ["    }"]
    bad = mark("!msg_members_leave(rd_, &m_)")
    return lines + [f"    if ({bad}) {{", "        return false;", "    }"]


def _struct_caps(decl):
    reader = _CapsReader(ctypes.image_of(decl), decl.fields)
    return reader.read_caps()


def _members_caps(members):
    lines = []
    for field, image in members.fields:
        if image.max_caps:
            lines.append(f"    if ({_there(members, field)}) {{")
            lines += _indented(_CapsReader(image, [field]).read_caps()) + ["    }"]
    return lines


def _there(members, field):
    """C that is true when a field of `out_` is there."""
    if members.is_union():
        return f"out_->tag == {cnames.union_tag(members.decl, field)}"
    name = cnames.safe(field.name)
    return f"out_->{name} != 0" if ctypes.is_handle(field.type) else f"out_->has_{field.name}"


def _getcaps(decl, lines):
    if not lines:
        return []
    head = wrap(f"static bool getcaps_{cnames.type_base(decl)}(", [
        "const caddr_t *caps_", "const uint32_t *info_", "uint32_t count_", "uint32_t *cp_",
        "void *to_"], ")")
    lines = [f"    {ctypes.struct_name(decl)} *const out_ = to_;"] + lines
    return [head, "{"] + validator(lines + ["    return true;"]) + ["}", ""]


class _StructReader(Reader):
    """Fills the fields of `out_`; the words come from the cursor of the caller."""
    cursor_at = "rd_"
    is_packed = False                  # all its words are there, and zero from its stride on

    def __init__(self, image, fields):
        super().__init__(image, fields, "return false;", "return false;")

    def place(self, path):
        return "out_->" + ".".join(cnames.safe(p) for p in path)

    def whole_place(self, path):
        return self.place(path)

    def is_end(self, word, mask):
        """Is what is not in the mask of this word beyond the stride of a packed element?"""
        bits = max(0, min(64, 8 * self.image.stride() - 64 * word))
        return self.is_packed and mask == (1 << bits) - 1

    def set(self, path, c_type, value):
        self.line(f"{self.place(path)} = {value};")
        return self.place(path)

    def present_name(self, path):
        return "out_->" + ".".join([cnames.safe(p) for p in path[:-1]] + [f"has_{path[-1]}"])

    def presence(self, item):
        if is_cap_presence(self.params, item):
            self.line(f"{self.place(item.path)} = {bits_of(item)} != 0;")
            return
        name = self.present_name(item.path)
        self.line(f"{name} = ({bits_of(item)}) != 0;")
        self.names[item.path] = name
        self.zero_if_absent(item, name)

    def count(self, item):
        type_ = type_at(self.params, item.path)
        suffix = "count" if isinstance(type_, model.Array) else "len"
        self.line(f"{self.place(item.path)}_{suffix} = {bits_of(item)};")
        self.bound(item, f"{self.place(item.path)}_{suffix}")

    def is_too_much(self, item):
        return False                   # the words of the message may be another part's

    def array_place(self, path, elem, count):
        return self.place(path)

    def counted(self, path, place):
        return place

    def read(self):
        if self.image.fixed_words:
            self.line(f"const uint64_t *const w_ = msg_fixed(rd_, {self.image.fixed_words});")
            if not self.is_packed:
                self.test("w_ == NULL")
        for word, mask in enumerate(word_masks(self.image)):
            if mask != ALL and not self.is_end(word, mask):
                self.test(f"(w_[{word}] & ~{mask_text(mask)}) != 0" if mask else f"w_[{word}] != 0")
        self.flush()
        for item in self.image.order:
            if isinstance(item, layout.Item):
                self.item(item)
        for item in self.image.order:
            if isinstance(item, layout.Var):
                self.var(item)
        return self.lines

    def buffer(self, var, type_, guard):
        place = self.place(var.path)
        length = f"{place}_len"
        part = f"{'__'.join(var.path)}_at_"
        self.line(f"const void *{part} = msg_part(rd_, {length});")
        self.test(f"{part} == NULL")
        self.flush()
        if var.kind in ("string", "strings"):
            check = "utf8" if var.kind == "string" else "strings"
            self.test(f"!msg_{check}_ok({part}, {length})")
            self.flush()
        self.line(f"__builtin_memcpy({place}, {part}, {length});")


class _CapsReader(_StructReader):
    """Puts capabilities into `out_`, whose words are there already."""
    caps_at = "cp_"

    def __init__(self, image, fields):
        super().__init__(image, fields)
        self.caps = ("caps_", "info_", "count_")
        for path, item in self.optionals.items():
            self.names[path] = f"{self.place(path)} != 0" if is_cap_presence(fields, item) \
                else self.present_name(path)

    def cap_place(self, path):
        return self.place(path)

    def read_caps(self):
        for part in self.image.caps:
            self.cap(part)
        return self.lines


# Writing -------------------------------------------------------------------------------------


def put_function(decl):
    """put_X."""
    head = wrap(f"static bool put_{cnames.type_base(decl)}(", [
        "uint64_t *all_", "uint32_t *pos_", "const void *from_"], ")")
    body = [f"    const {ctypes.struct_name(decl)} *const in_ = from_;"]
    if isinstance(decl, model.Struct):
        body += _put_image(ctypes.image_of(decl), decl.fields)
    else:
        body += _put_members(layout.members_of(decl))
    return "\n".join([head, "{"] + body + ["    return true;", "}", ""])


def _put_image(image, fields):
    writer = StructWriter(image, fields)
    writer.check()
    if image.fixed_words:
        writer.line("uint64_t *const w_ = all_ + *pos_;")
        writer.line(f"*pos_ += {image.fixed_words};")
    for number, text in enumerate(writer.words()):
        writer.line(f"w_[{number}] = {text};")
    for item in image.items:
        if item.role == "block":
            writer.block(item, "w_")
    for var in image.vars:
        writer.var(var, "all_")
    return writer.lines


def _put_members(members):
    lines = ["    const uint32_t first_ = (*pos_)++;", "    uint64_t present_ = 0;"]
    for field, image in members.fields:
        there = _there(members, field).replace("out_->", "in_->")
        lines += [f"    if ({there}) {{", f"        present_ |= {_bit(field)};"]
        lines += _indented(_put_image(image, [field])) + ["    }"]
    return lines + ["    msg_members_end(all_, *pos_, first_, present_);"]
