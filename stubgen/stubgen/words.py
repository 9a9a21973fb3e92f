"""The words of the language, by what they are: for editors' grammars and for completion. They are
words only where the grammar expects them, and may be names anywhere else."""
from .limits import INTS, RESERVED_BITS
from .parse import (ATTR_WORDS, CLAUSE_WORDS, DECL_WORDS, MEMBER_WORDS)
from .parse_abi import ACCESS_WORDS, CAPTYPE_WORDS, DEVICE_WORDS, OBJECT_WORDS, REG_ATTRS

GROUPS = {
    "declaration": DECL_WORDS,
    "member": tuple(w for w in MEMBER_WORDS + OBJECT_WORDS + DEVICE_WORDS if w not in DECL_WORDS),
    "modifier": ("strict", "flexible", "resource", "draft", "from", "stream"),
    "clause": CLAUSE_WORDS,
    "attribute": ATTR_WORDS + CAPTYPE_WORDS + REG_ATTRS + ("stride", "count", "little", "big"),
    "mode": ("move", "copy", "borrow", "lend", "user", "in", "out", "client", "server"),
    "type": tuple(INTS) + ("bool", "string", "bytes", "strings", "cap", "cref", "slot", "any"),
    "access": ACCESS_WORDS + RESERVED_BITS,
    "function": ("len",),
}


def all_words():
    return sorted({word for words in GROUPS.values() for word in words})
