"""The checked program: what layout, the back ends, `dump` and `doc` read. No AST in here.

Names are as written (snake_case members, CamelCase types); C names come from cnames.py. Every type
is one of the classes below; an alias is already replaced by its target, a constant by its value."""
from typing import Any, List, Optional, Tuple

from .record import dataclass, field
from .source import Span

# Types ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Int:
    bits: int
    signed: bool = False

    def name(self):
        return f"{'i' if self.signed else 'u'}{self.bits}"


@dataclass(frozen=True)
class Bool:
    pass


@dataclass(frozen=True)
class Named:
    """An enum, flags, struct, table or union; `decl` is an Enum, Struct or Table."""
    decl: Any


@dataclass(frozen=True)
class Buf:
    """kind: string (UTF-8 without U+0000), bytes, strings (each ended by NUL). At most `bound`
    bytes."""
    kind: str
    bound: int


@dataclass(frozen=True)
class Array:
    """`count` elements, or at most that many."""
    elem: Any
    count: int
    at_most: bool


@dataclass(frozen=True)
class Optional_:
    """A value that may be absent."""
    elem: Any


@dataclass(frozen=True)
class Cap:
    """A capability in a message. move: move, copy or borrow. kinds: names of captypes, empty is
    any. rights: letters, None is all that the sender has."""
    kinds: Tuple[str, ...]
    rights: Optional[str]
    move: str


@dataclass(frozen=True)
class End:
    """A channel end. side: client or server. interface None: any, checked at bind."""
    side: str
    interface: Optional[str]


@dataclass(frozen=True)
class Lend:
    """A lent buffer. direction: in (the callee reads) or out (the callee writes). kind: bytes,
    strings."""
    direction: str
    kind: str
    bound: int


@dataclass(frozen=True)
class User:
    """A buffer of the invoker. direction: in (the kernel reads) or out (the kernel writes)."""
    direction: str
    bound: int


@dataclass(frozen=True)
class Cref:
    """Invocations: the address of a capability of one of these kinds (empty: any) with these
    rights."""
    kinds: Tuple[str, ...]
    rights: Optional[str]


@dataclass(frozen=True)
class Slot:
    """Invocations: the address of an empty slot."""


# Declarations --------------------------------------------------------------------------------


@dataclass(eq=False)
class EnumValue:
    name: str
    value: int
    doc: List[str]


@dataclass(eq=False)
class Enum:
    """kind: enum or flags. A strict one makes any other value (or bit) malformed."""
    kind: str
    name: str
    scope: Optional[str]       # the interface it stands in, None at file level
    namespace: str             # the stem of its file
    type: Int
    flexible: bool
    values: List[EnumValue]
    doc: List[str]
    span: Span


@dataclass(eq=False)
class Struct:
    name: str
    scope: Optional[str]
    namespace: str
    resource: bool             # holds capabilities or channel ends
    fields: List["Param"]
    doc: List[str]
    span: Span


@dataclass(eq=False)
class Table:
    """kind: table (any of its fields) or union (one of them). A flexible one may bring fields that
    the receiver does not know, which it skips. No field is optional; each has its ordinal."""
    kind: str
    name: str
    scope: Optional[str]
    namespace: str
    flexible: bool
    resource: bool             # holds capabilities or channel ends
    fields: List["Param"]      # in the order of their ordinals
    doc: List[str]
    span: Span


@dataclass(eq=False)
class Const:
    name: str
    scope: Optional[str]
    namespace: str
    type: Any                  # Int, Bool or Buf
    value: Any                 # int or str
    doc: List[str]
    span: Span


@dataclass(eq=False)
class Param:
    """A parameter, result or field. range: inclusive. counts: the parameter whose valid bytes it
    gives. ordinal: of a field of a table or union, else 0."""
    name: str
    type: Any
    doc: List[str]
    span: Span
    range: Optional[Tuple[int, int]] = None
    pow2: bool = False
    counts: Optional[str] = None
    ordinal: int = 0


@dataclass(eq=False)
class Expr:
    """kind: lit (value), param or len (name; `result` says where it is), + - * and comparisons and
    `and` (args). u64 arithmetic; an overflow makes the comparison false."""
    kind: str
    args: List["Expr"] = field(default_factory=list)
    name: str = ""
    result: bool = False
    value: int = 0


@dataclass(eq=False)
class Error:
    """An error of a set; code is id << 6 | number."""
    name: str
    number: int
    code: int
    message: str
    doc: List[str]


@dataclass(eq=False)
class ErrorSet:
    """owner: the `errors` block or the interface that declares them."""
    owner: str
    id: int
    namespace: str
    errors: List[Error]
    doc: List[str]
    span: Span


@dataclass(eq=False)
class FailsRef:
    """An error that a method lists, with the set it is from."""
    set: ErrorSet
    error: Error


@dataclass(eq=False)
class Method:
    """kind: call, oneway, event, invoke or syscall. results is empty, not None, for a call
    without any. window: of a call with a stream, whose items have the results as fields; its reply
    is empty then."""
    kind: str
    name: str
    ordinal: int
    params: List[Param]
    results: List[Param]
    fails: List[FailsRef]
    requires: List[Expr]
    ensures: List[Expr]
    flexible: bool
    since: int
    deprecated: Optional[int]
    coalesce: bool
    queue: Optional[int]
    idempotent: bool
    doc: List[str]
    span: Span
    window: Optional[int] = None


@dataclass(eq=False)
class Interface:
    """errors: the set whose errors its methods use (its own or that of `error from`), or None.
    reserved: (lowest, highest) ordinals that no member may have.
    hash: 64 bits of the canonical text, comments excluded."""
    name: str
    namespace: str
    id: int
    version: int
    draft: bool
    own_errors: bool
    errors: Optional[ErrorSet]
    types: List[Any]           # Enum, Struct, Table, Const declared inside
    methods: List[Method]
    doc: List[str]
    span: Span
    canonical: str = ""
    hash: int = 0
    reserved: List[Tuple[int, int]] = field(default_factory=list)


@dataclass(eq=False)
class Object:
    """captypes: (name of the captype, rights letters that the invoked capability must have)."""
    name: str
    namespace: str
    captypes: List[Tuple[str, str]]
    methods: List[Method]
    doc: List[str]
    span: Span


@dataclass(eq=False)
class CapType:
    """number: its place among all captypes of the build. rights: letters."""
    name: str
    namespace: str
    number: int
    fields: List[Param]
    rights: str
    retype: List[str]
    map: List[str]
    doc: List[str]
    span: Span


@dataclass(eq=False)
class RegField:
    """Bits of a register. access: rw, ro, wo, w1c, w1s or rc; mbz, mb1 or keep for reserved ones,
    which have no name."""
    name: str
    low: int
    bits: int
    access: str
    type: Optional[Enum]
    doc: List[str]
    span: Span

    def mask(self):
        return (1 << self.bits) - 1 << self.low


@dataclass(eq=False)
class Register:
    """A register, or `count` of them, `stride` bytes apart, if stride is not None."""
    name: str
    offset: int
    stride: Optional[int]
    count: int
    access: str
    sideeffect: bool
    shadow: bool
    fields: List[RegField]
    doc: List[str]
    span: Span


@dataclass(eq=False)
class Device:
    """A block of `size` bytes of registers, each as wide as `word`."""
    name: str
    namespace: str
    size: int
    word: Int
    big: bool
    registers: List[Register]
    doc: List[str]
    span: Span


@dataclass(eq=False)
class File:
    """One input. generate: False for files that only give context."""
    path: str
    namespace: str
    generate: bool
    imports: List[str]


@dataclass(eq=False)
class Build:
    """Everything of one run, in the order of the files given."""
    files: List[File] = field(default_factory=list)
    interfaces: List[Interface] = field(default_factory=list)
    error_sets: List[ErrorSet] = field(default_factory=list)
    captypes: List[CapType] = field(default_factory=list)
    objects: List[Object] = field(default_factory=list)
    syscalls: List[Method] = field(default_factory=list)
    devices: List[Device] = field(default_factory=list)
    types: List[Any] = field(default_factory=list)     # declared at file level

    def interface(self, name):
        return next(i for i in self.interfaces if i.name == name)


def as_json(value):
    """The model as plain data; a declaration that is referred to appears by its name."""
    if isinstance(value, Named):
        decl = value.decl
        scope = decl.scope or decl.namespace
        kind = getattr(decl, "kind", "struct")
        return {"kind": kind, "name": f"{scope}.{decl.name}"}
    if isinstance(value, FailsRef):
        return f"{value.set.owner}.{value.error.name}"
    if isinstance(value, Span):
        return value.where()
    if hasattr(value, "FIELDS"):
        out = {"node": type(value).__name__.rstrip("_")}
        for name in value.FIELDS:
            data = getattr(value, name)
            if isinstance(value, Interface) and name == "errors" and data is not None:
                out["errors"] = data.owner
            else:
                out[name] = as_json(data)
        return out
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    return value
