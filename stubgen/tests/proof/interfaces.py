"""Random interfaces over all of the language, as text. `%` in names stands for the number of the
interface in its batch, so that no two of a program are alike; ids are numbered by their reader.

A Chooser gives the random decisions: Hypothesis, or a generator with a seed."""
from dataclasses import dataclass, field

from stubgen.limits import INTS, KEEP_MAX, MEMBERS_MAX

# Words of the language, of C, and of generated code are names like any other.
NAMES = """id version error reserved call oneway event stream since window queue requires ensures
    fails range pow2 counts move copy borrow cap client server any lend user in out bytes strings
    string cref slot enum flags strict flexible resource struct table union const alias object
    interface import errors draft from len register int long switch default volatile unsigned
    value size words count caps header ret self stdin offset index buf data text b w pos
    base tag kind state list key name ctx arg err lost msg conn ops done deadline_ns h c lent rd
    n in_err reader u8 bool size_t uint32_t present unknown nothing""".split()
KINDS = ("ram", "frame", "RAM", "EndPoint", "dispatcher", "L2CNode", "any", "frame|ram",
         "Frame|DevFrame|irqtable")
MESSAGES = ("full", "is %", "é", "*/ not /*", 'a \\"quote\\"')
DOCS = ("One line.", "A `word` /* and // more.", "It is é.", "*/ no")
INT_NAMES = sorted(INTS)
UNSIGNED = [name for name in INT_NAMES if name[0] == "u"]


@dataclass
class Type:
    """A type as it is written, and what it may be used for."""
    text: str
    caps: bool = False
    array: bool = False
    optional: bool = False
    unsigned: bool = False
    length: bool = False
    scalar: bool = False
    bits: int = 0
    signed: bool = False


@dataclass
class Scope:
    """What can be named: by what name, and what it is."""
    types: list = field(default_factory=list)       # Type without array and `?`
    aliases: list = field(default_factory=list)     # Type
    consts: list = field(default_factory=list)      # (name, value)


class Generator:
    def __init__(self, chooser):
        self.pick = chooser.pick
        self.number = chooser.number
        self.scope = Scope()
        self.ends = ("any",)       # interfaces whose ends can be sent
        self.used = 0

    def chance(self, percent):
        return self.number(0, 99) < percent

    def fresh(self, prefix):
        self.used += 1
        return f"{prefix}{self.used}"

    def names(self, count, taken=()):
        """Names of parameters, fields, values: all different, also as C sees them."""
        found = list(taken)
        while len(found) < count + len(taken):
            name = self.pick(NAMES) if self.chance(40) else f"{self.pick('pqrvz')}{len(found)}"
            if name not in found:
                found.append(name)
        return found[len(taken):]

    def doc(self, indent):
        if not self.chance(12):
            return ""
        return f"{indent}/// {self.pick(DOCS)}\n"

    # Numbers -------------------------------------------------------------------------------

    def int(self, value, constants=True):
        """A number as it may be written: with a name, in either base, with `_` or a unit."""
        if value < 0:
            return "-" + self.int(-value, False)
        same = [name for name, known in self.scope.consts if known == value]
        if constants and same and self.chance(60):
            return self.pick(same)
        if value and value % 1024 == 0 and self.chance(70):
            return f"{value // 1024}KiB"
        if value > 999 and self.chance(30):
            return f"{value:_}"
        return hex(value) if self.chance(20) else str(value)

    def bound(self, low, high):
        within = [value for _, value in self.scope.consts if low <= value <= high]
        return self.int(self.pick(within) if within and self.chance(40)
                        else self.number(low, high))

    # Types ---------------------------------------------------------------------------------

    def base(self, depth, caps):
        """A type that is neither array nor optional."""
        what = self.number(0, 99)
        named = [t for t in self.scope.types if caps or not t.caps]
        if what < 28:
            return self.integer()
        if what < 34:
            return Type("bool", scalar=True)
        if what < 64 and named:
            return self.pick(named)
        if what < 84:
            kind = self.pick(("string", "bytes", "strings"))
            high = self.pick((1, 7, 8, 9, 20, 40)) if depth else self.pick((3, 8, 30, 300))
            return Type(f"{kind}<{self.bound(1, high)}>", length=True)
        if caps and what < 94:
            return self.cap(("move", "copy"))
        return self.integer()

    def integer(self):
        name = self.pick(INT_NAMES)
        bits, signed = INTS[name]
        return Type(name, scalar=True, unsigned=not signed, bits=bits, signed=signed)

    def cap(self, modes):
        if self.chance(25):
            side = self.pick(("client", "server"))
            return Type(f"{side} {self.pick(self.ends)}", caps=True)
        rights = self.pick(("", "", ", r", ", rw", ", wr", ", x", ", rwxd"))
        return Type(f"{self.pick(modes)} cap<{self.pick(KINDS)}{rights}>", caps=True)

    def type(self, depth, caps, optional=True, modes=None):
        """Any type for a parameter or field."""
        aliases = [a for a in self.scope.aliases if (caps or not a.caps) and
                   (optional or not a.optional)]
        if aliases and self.chance(12):
            return self.pick(aliases)
        base = self.cap(modes) if modes and self.chance(60) else self.base(depth, caps)
        if self.chance(24) and not base.text.startswith(("client", "server")):
            at_most = self.chance(60)
            high = 3 if base.caps or not base.scalar else self.pick((4, 17))
            base = Type(f"{base.text}[{'<=' * at_most}{self.bound(1, high)}]", base.caps, True,
                        length=at_most)
        if optional and self.chance(22):
            base = Type(f"{base.text}?", base.caps, base.array, True, bits=base.bits,
                        signed=base.signed, unsigned=False)
            base.scalar = bool(base.bits) and not base.array
        return base

    def limits(self, type_):
        """A constraint behind the type of a parameter or field."""
        if not type_.bits or type_.array or not self.chance(30):
            return ""
        if not type_.signed and self.chance(40):
            return " pow2"
        top = (1 << (type_.bits - type_.signed)) - 1
        low = self.pick((0, 1, self.number(0, top), top, -1 - self.number(0, top))
                        if type_.signed else (0, 1, self.number(0, top), top))
        high = self.pick((low, top, self.number(low, top)))
        return f" range {self.int(low)}..{self.int(high)}"

    # Declarations --------------------------------------------------------------------------

    def declarations(self, count, indent, prefix=""):
        """Texts of type declarations; they enter the scope, there with `prefix`."""
        out = []
        for _ in range(count):
            make = self.pick((self.const, self.enum, self.enum, self.struct, self.struct,
                              self.table, self.table, self.alias))
            out.append(self.doc(indent) + make(indent, prefix))
        return out

    def const(self, indent, prefix):
        name = self.fresh("N_")
        if self.chance(15):
            return f'{indent}const {name}: string = "a \\"text\\" é";\n'
        if self.chance(10):
            return f"{indent}const {name}: i16 = -{self.number(1, 99)};\n"
        value = self.number(1, 12)
        same = [n for n, v in self.scope.consts if v == value]
        text = self.pick(same) if same and self.chance(50) else self.int(value)
        self.scope.consts.append((prefix + name, value))
        return f"{indent}const {name}: {self.pick(INT_NAMES)} = {text};\n"

    def strictness(self):
        return self.pick(("", "", "strict ", "flexible "))

    def enum(self, indent, prefix):
        kind = self.pick(("enum", "flags"))
        name = self.fresh(self.pick(("Kind", "HTTPMode")))
        base = self.pick(UNSIGNED if kind == "flags" else INT_NAMES)
        bits, signed = INTS[base]
        values = set()
        for _ in range(self.number(1, 4)):
            value = 1 << self.number(0, bits - 1) if kind == "flags" else \
                self.pick((self.number(0, 5), self.number(0, (1 << (bits - signed)) - 1)))
            values.add(-1 - value if signed and self.chance(30) else value)
        names = self.names(len(values))
        body = " ".join(f"{n} = {self.int(v)};" for n, v in zip(names, sorted(values)))
        self.scope.types.append(Type(prefix + name, scalar=True))
        return f"{indent}{self.strictness()}{kind} {name} : {base} {{ {body} }}\n"

    def fields(self, optional):
        """[(name, text, Type)] of the fields of a struct, table or union."""
        count = self.number(1, 4)
        caps = self.chance(25)
        found = []
        for name in self.names(count):
            type_ = self.type(1, caps, optional)
            found.append((name, f"{name}: {type_.text}{self.limits(type_)};", type_))
        return found

    def struct(self, indent, prefix):
        name = self.fresh(self.pick(("Box", "TwoWords")))
        fields = self.fields(True)
        caps = any(t.caps for _, _, t in fields)
        self.scope.types.append(Type(prefix + name, caps))
        body = "".join(self.doc(indent + "  ") + f"{indent}  {text}\n" for _, text, _ in fields)
        return f"{indent}{'resource ' * caps}struct {name} {{\n{body}{indent}}}\n"

    def table(self, indent, prefix):
        kind = self.pick(("table", "union"))
        name = self.fresh(self.pick(("Stat", "Way")))
        fields = self.fields(False)
        caps = any(t.caps for _, _, t in fields)
        high = self.pick((len(fields), len(fields) + 3, MEMBERS_MAX))
        ordinals = set()
        while len(ordinals) < len(fields):
            ordinals.add(self.number(1, high))
        lines = [f"{indent}  {o}: {text}\n" for o, (_, text, _) in zip(sorted(ordinals), fields)]
        if self.chance(20):
            lines.reverse()                # the order in the text means nothing
        self.scope.types.append(Type(prefix + name, caps))
        return f"{indent}{self.strictness()}{'resource ' * caps}{kind} {name} {{\n" \
            f"{''.join(lines)}{indent}}}\n"

    def alias(self, indent, prefix):
        name = self.fresh("Alias")
        caps = self.chance(25)
        type_ = self.type(1, False) if not caps else self.pick(
            [t for t in self.scope.types if t.caps] or [self.integer()])
        alias = Type(**{**vars(type_), "text": prefix + name})
        self.scope.aliases.append(alias)
        return f"{indent}alias {name} = {type_.text};\n"

    # Members -------------------------------------------------------------------------------

    def params(self, count, caps, taken=(), modes=None):
        """[(name, text, Type)] of parameters or results."""
        found = []
        for name in self.names(count, taken):
            type_ = self.type(0, caps, modes=modes if self.chance(15) else None)
            found.append((name, f"{name}: {type_.text}{self.limits(type_)}", type_))
        return found

    def conditions(self, word, given, results=()):
        """Texts of requires or ensures clauses."""
        operands = [name for name, _, t in given if t.unsigned and not t.array]
        operands += [f"len({name})" for name, _, t in given if t.length and not t.optional]
        own = [name for name, _, t in results if t.unsigned and not t.array]
        own += [f"len({name})" for name, _, t in results if t.length and not t.optional]
        if not operands + own or not self.chance(30):
            return ""
        operands = operands[:KEEP_MAX - 4]     # what is lent out is kept, too
        return "".join(f" {word} {self.condition(operands + own)}"
                       for _ in range(self.number(1, 2)))

    def condition(self, operands):
        parts = [f"{self.sum(operands)} {self.pick(('<=', '>=', '==', '!=', '<', '>'))} "
                 f"{self.sum(operands)}" for _ in range(self.pick((1, 1, 2, 3)))]
        return " && ".join(parts)

    def sum(self, operands):
        text = self.product(operands)
        for _ in range(self.pick((0, 0, 1, 2))):
            text += f" {self.pick('+-')} {self.product(operands)}"
        return text

    def product(self, operands):
        def term():
            return self.pick(operands) if self.chance(70) else \
                self.int(self.pick((0, 1, 5, 100, (1 << 64) - 1)))
        return " * ".join(term() for _ in range(self.pick((1, 1, 1, 1, 2, 3))))

    def versions(self, version, modifiers):
        text = f" since {self.number(1, version)}" if self.chance(12) else ""
        return text + (f" deprecated {version}" if self.chance(8) else "") + modifiers

    def lends(self, names):
        """(texts of lent parameters, texts of the results that count them, [(name, Type)])."""
        params, results, given = [], [], []
        for name in names:
            direction, kind = self.pick(("in", "out")), self.pick(("bytes", "strings"))
            bound = self.pick((1, 100, 900, 4096, 65536, 1 << 20))
            params.append(f"{name}: lend {direction} {kind}<{self.int(bound)}>")
            if direction == "in":
                given.append((name, "", Type("", length=True)))
            if direction == "out" or self.chance(40):
                results.append(f"{name}_n: {self.pick(('u32', 'u64'))} counts {name}")
        return params, results, given

    def call(self, ordinal, version, errors):
        caps = self.chance(35)
        params = self.params(self.pick((0, 1, 2, 3, 4, 6)), caps, modes=("borrow",))
        results = self.params(self.pick((0, 1, 2, 3, 4)), caps, [n for n, _, _ in params])
        texts, outs, lent = [t for _, t, _ in params], [t for _, t, _ in results], []
        if self.chance(18):
            names = self.names(self.number(1, 3), [n for n, _, _ in params + results])
            more, counts, lent = self.lends(names)
            texts, outs = texts + more, counts + outs
        clauses = self.conditions("requires", params + lent)
        clauses += self.conditions("ensures", params[:2], results)
        if errors and self.chance(45):
            listed = sorted({self.pick(errors) for _ in range(self.number(1, 3))})
            clauses += f" fails {', '.join(listed)}"
        clauses += self.versions(version, " idempotent" if self.chance(15) else "")
        arrow = f" -> ({', '.join(outs)})" if outs or self.chance(30) else ""
        return f"call %NAME @{ordinal} ({', '.join(texts)}){arrow}{clauses};"

    def stream(self, ordinal, version, errors):
        caps = self.chance(20)
        params = self.params(self.number(0, 3), caps)
        items = self.params(self.number(0, 3), caps, [n for n, _, _ in params])
        clauses = self.conditions("requires", params) + f" window {self.number(1, 16)}"
        clauses += f" fails {self.pick(errors)}" if errors and self.chance(45) else ""
        clauses += self.versions(version, "")
        return f"call %NAME @{ordinal} ({', '.join(t for _, t, _ in params)}) " \
            f"-> stream ({', '.join(t for _, t, _ in items)}){clauses};"

    def oneway(self, ordinal, version, _):
        params = self.params(self.number(0, 4), self.chance(30))
        clauses = self.conditions("requires", params) + self.versions(version, "")
        return f"{self.strictness()}oneway %NAME @{ordinal} " \
            f"({', '.join(t for _, t, _ in params)}){clauses};"

    def event(self, ordinal, version, _):
        params = self.params(self.number(0, 4), False)
        keep = " coalesce" if self.chance(50) else f" queue {self.number(1, 64)}"
        clauses = self.conditions("requires", params) + self.versions(version, keep)
        return f"{self.strictness()}event %NAME @{ordinal} " \
            f"({', '.join(t for _, t, _ in params)}){clauses};"

    # Files ---------------------------------------------------------------------------------

    def errors(self, indent):
        """(text of the errors of a set, their names)."""
        names = self.names(self.number(0, 3))
        numbers = []
        while len(numbers) < len(names):
            number = self.pick((self.number(1, 5), self.number(1, 63)))
            if number not in numbers:
                numbers.append(number)
        text = "".join(f'{self.doc(indent)}{indent}{name} = {self.int(number, False)} '
                       f'"{self.pick(MESSAGES)}";\n'
                       for name, number in zip(names, numbers))
        return text, names

    def interface(self, name, id_mark, error_from):
        """One interface; `error_from`: [(name of a set, its errors)] that it could use."""
        version = self.pick((1, 1, 2, 7))
        head = [f"  id {id_mark};", f"  version {self.int(version, False)}"
                f"{' draft' if self.chance(20) else ''};"]
        if self.chance(20):
            head.reverse()
        lines, errors, own = [], [], []
        if error_from and self.chance(50):
            owner, errors = self.pick(error_from)
            lines.append(f"  error from {owner};\n")
        elif self.chance(80):
            text, errors = self.errors("    ")
            own = errors
            lines.append(f"  error {{\n{text}  }}\n")
        lines += self.declarations(self.number(0, 6), "  ")
        ordinals = []
        while len(ordinals) < self.number(2, 5):
            ordinal = self.number(1, self.pick((6, 6, 60, 4095)))
            if ordinal not in ordinals:
                ordinals.append(ordinal)
        free = [o for o in range(1, 30) if o not in ordinals]
        if self.chance(30):
            parts = [self.int(o, False) for o in free[:self.number(1, 2)]]
            last = [o for o in range(4000, 4090) if o not in ordinals]
            run = next((o for o in last if o + 1 in last), None)
            if self.chance(50) and run:
                parts.insert(self.number(0, 1), f"{run}..{self.int(run + 1, False)}")
            lines.append(f"  reserved {', '.join(parts)};\n")
        names = self.names(len(ordinals))
        for method, ordinal in zip(names, ordinals):
            kind = self.pick((self.call, self.call, self.call, self.stream, self.oneway,
                              self.event))
            method = method + "_" if method.startswith("on_") else method
            lines.append(self.doc("  ") + "  " + kind(self.int(ordinal, False), version, errors)
                         .replace("%NAME", method) + "\n")
        return f"interface {name} {{\n" + "\n".join(head) + "\n" + "".join(lines) + "}\n", own


def draw(chooser):
    """[(file name, text)]: an interface, perhaps a second, perhaps with a file of types."""
    generator = Generator(chooser)
    files, sets, head = [], [], ""
    if generator.chance(45):
        text, error_from = generator.doc(""), []
        text += "".join(generator.declarations(generator.number(1, 5), "", "s%."))
        if generator.chance(60):
            body, names = generator.errors("  ")
            text += f"errors s% {{\n  id %ID0;\n{body}}}\n"
            error_from = [("s%", names)]
        if generator.chance(40):
            inner = "".join(generator.declarations(generator.number(1, 3), "  ", "s%.g%."))
            text += f"interface g% {{\n  id %ID3;\n  version 1;\n{inner}  oneway ping @1 ();\n}}\n"
        files.append(("s%.if", text))
        head = generator.doc("") + 'import "s%.if";\n'
        sets += error_from
    generator.ends = ("any", "d%", "d%")
    if generator.chance(25):
        head += "".join(generator.declarations(generator.number(1, 3), ""))
    first, errors = generator.interface("d%", "%ID1", sets)
    body = first
    if generator.chance(20):
        kept, generator.scope = generator.scope, Scope()
        second, _ = generator.interface("e%", "%ID2", [("d%", errors)] if errors else [])
        body += second
        generator.scope = kept
    files.append(("f%.if", head + body))
    return files


def numbered(files, index):
    """The files with their numbers for the batch."""
    out = []
    for name, text in files:
        for mark in range(4):
            text = text.replace(f"%ID{mark}", str(16 + 4 * index + mark))
        out.append((name.replace("%", str(index)), text.replace("%", str(index))))
    return out
