"""What the parser builds: the file as written, with a span on every part. No meaning yet."""
from typing import Any, List, Optional

from .record import dataclass, field
from .source import Span


@dataclass
class Name:
    text: str
    span: Span


@dataclass
class QName:
    """A dotted name: `common.Kind`."""
    parts: List[Name]
    span: Span

    def text(self):
        return ".".join(part.text for part in self.parts)


@dataclass
class IntLit:
    value: int
    span: Span


@dataclass
class Array:
    """`[N]`, or `[<=N]` when at_most."""
    count: Any              # IntLit or QName
    at_most: bool
    span: Span


@dataclass
class TypeExpr:
    """A parameter's type with its mode. `form` is one of named, string, bytes, strings, cap,
    client, server, lend, user, cref, slot; the other fields are set where the form has them."""
    form: str
    span: Span
    name: Optional[QName] = None       # named, client, server (None: any)
    bound: Any = None                  # string, bytes, strings, lend, user
    buffer: str = ""                   # lend, user: bytes or strings
    direction: str = ""                # lend, user: in or out
    move: str = ""                     # cap: move, copy or borrow
    kinds: List[Name] = field(default_factory=list)    # cap, cref; empty: any
    rights: Optional[Name] = None      # cap, cref
    array: Optional[Array] = None
    optional: Optional[Span] = None    # the span of the `?`


@dataclass
class Param:
    name: Name
    type: TypeExpr
    span: Span
    doc: List[str]
    range: Optional[tuple] = None      # (low, high, span)
    pow2: Optional[Span] = None
    counts: Optional[Name] = None


@dataclass
class Expr:
    """kind: lit, ref, len, + - *, or a comparison; `&&` has kind and with its parts in args."""
    kind: str
    span: Span
    args: List[Any] = field(default_factory=list)
    name: Optional[Name] = None
    value: int = 0


@dataclass
class Clause:
    """word: requires ensures fails since deprecated window queue coalesce idempotent."""
    word: str
    span: Span
    value: Any = None       # Expr, [Name], IntLit or None


@dataclass
class Method:
    """kind: call, oneway, event, invoke or syscall."""
    kind: str
    name: Name
    ordinal: IntLit
    params: List[Param]
    results: Optional[List[Param]]
    stream: Optional[Span]
    strictness: Optional[Name]
    clauses: List[Clause]
    span: Span
    doc: List[str]


@dataclass
class ErrorDef:
    name: Name
    number: IntLit
    message: str
    message_span: Span
    doc: List[str]


@dataclass
class EnumValue:
    name: Name
    value: Any
    doc: List[str]


@dataclass
class TypeDecl:
    """kind: enum, flags, struct, table, union, const or alias."""
    kind: str
    name: Name
    span: Span
    doc: List[str]
    strictness: Optional[Name] = None
    resource: bool = False
    base: Optional[Name] = None                    # enum, flags, const
    values: List[EnumValue] = field(default_factory=list)
    fields: List[Param] = field(default_factory=list)      # struct, table, union
    ordinals: List[IntLit] = field(default_factory=list)   # table, union
    value: Any = None                              # const: IntLit, QName or Token of a string
    target: Optional[TypeExpr] = None              # alias


@dataclass
class Interface:
    name: Name
    span: Span
    doc: List[str]
    id: Optional[IntLit] = None
    version: Optional[IntLit] = None
    draft: bool = False
    draft_span: Optional[Span] = None
    error_from: Optional[Name] = None
    errors: Optional[List[ErrorDef]] = None
    errors_span: Optional[Span] = None
    reserved: List[tuple] = field(default_factory=list)    # (low, high) IntLits
    methods: List[Method] = field(default_factory=list)
    types: List[TypeDecl] = field(default_factory=list)


@dataclass
class ErrorsBlock:
    name: Name
    id: Optional[IntLit]
    errors: List[ErrorDef]
    span: Span
    doc: List[str]


@dataclass
class Object:
    name: Name
    span: Span
    doc: List[str]
    captypes: List[tuple] = field(default_factory=list)    # (Name, rights Name or None)
    methods: List[Method] = field(default_factory=list)


@dataclass
class CapType:
    name: Name
    span: Span
    doc: List[str]
    fields: List[Param] = field(default_factory=list)
    rights: Optional[Name] = None
    retype: List[Name] = field(default_factory=list)
    map: List[Name] = field(default_factory=list)


@dataclass
class RegField:
    high: IntLit
    low: IntLit
    name: Name              # mbz, mb1 and keep are names here
    access: Optional[Name]
    type: Optional[QName]
    span: Span
    doc: List[str]


@dataclass
class Register:
    name: Name
    offset: Any
    stride: Any             # arrays only
    count: Any
    access: Name
    attrs: List[Name]
    fields: List[RegField]
    span: Span
    doc: List[str]


@dataclass
class Device:
    name: Name
    span: Span
    doc: List[str]
    size: Any = None
    word: Optional[Name] = None
    order: Optional[Name] = None
    registers: List[Register] = field(default_factory=list)


@dataclass
class Import:
    path: str
    span: Span


@dataclass
class File:
    """One parsed file; `imports` name other files, relative to this one. A doc comment before an
    import is about the file."""
    source: Any
    doc: List[str] = field(default_factory=list)
    imports: List[Import] = field(default_factory=list)
    decls: List[Any] = field(default_factory=list)
