"""What may be done with the registers of a device: pure, and the same for C, names and pages.

A write that changes one field of many gets the other bits from its *base*: NOTHING if there are no
others, SHADOW (what was written last), READ (the register itself), or None: then there is no such
accessor."""

NOTHING, SHADOW, READ = "nothing", "shadow", "read"


def mask(register, *kinds):
    """The bits of a register whose access is one of these."""
    return sum(field.mask() for field in register.fields if field.access in kinds)


def writable(register):
    """The bits that a full write takes from its value. All others are mbz, mb1 or keep."""
    return mask(register, "rw", "wo", "w1c", "w1s")


def readable(register):
    return register.access != "wo"


def quiet(register):
    """Can it be read without changing anything?"""
    return readable(register) and not register.sideeffect and not mask(register, "rc")


def base(register, changed):
    """Where a write of the bits `changed` has the others from that it must not change."""
    kept = mask(register, "rw", "wo", "keep") & ~changed
    if not kept:
        return NOTHING
    if register.shadow:
        return SHADOW
    if quiet(register) and not kept & mask(register, "wo"):
        return READ
    return None


def kept(register):
    """The bits of a base that are written back."""
    return mask(register, "rw", "wo", "keep")


def register_ops(register):
    """The accessors of a whole register: rd wr clear set shadow."""
    ops = []
    if readable(register):
        ops.append("rd")
    if register.access in ("rw", "wo"):
        ops.append("wr")
    for op, kind in (("clear", "w1c"), ("set", "w1s")):
        if mask(register, kind) and base(register, 0):
            ops.append(op)
    if register.shadow:
        ops.append("shadow")
    return ops


def field_ops(register, field):
    """The accessors of a field: "" (from a value), put (into a value), rd wr clear set."""
    ops = []
    if readable(register) and field.access != "wo":
        ops.append("")
        if quiet(register):
            ops.append("rd")
    if field.access in ("rw", "wo"):
        ops.append("put")
        if base(register, field.mask()):
            ops.append("wr")
    for op, kind in (("clear", "w1c"), ("set", "w1s")):
        if field.access == kind and base(register, 0):
            ops.append(op)
    return ops
