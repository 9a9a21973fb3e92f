"""Conditions and types as C text."""
from .. import cnames, model
from .checks import mark

_BUILTIN = {"+": "__builtin_add_overflow", "-": "__builtin_sub_overflow",
            "*": "__builtin_mul_overflow"}


def c_int(type_):
    """The C type of an integer, a bool or an enum."""
    if isinstance(type_, model.Bool):
        return "bool"
    if isinstance(type_, model.Named):
        type_ = type_.decl.type
    return f"{'' if type_.signed else 'u'}int{type_.bits}_t"


def c_number(value):
    """A C constant that keeps its value in 64 bits."""
    if value < 0:
        return f"(-INT64_C({-value - 1}) - 1)"
    return f"UINT64_C({value})" if value > 0xffffffff else f"{value}u"


def c_literal(type_, value):
    """A C constant to compare a value of this integer type with."""
    if not type_.signed or value < 0:
        return c_number(value)
    return f"INT64_C({value})" if value > 0x7fffffff else str(value)


class Condition:
    """`temps` are the uint64_t variables it needs, `failed` is true when the condition is false."""

    def __init__(self, temps, failed):
        self.temps = temps
        self.failed = failed


def condition(expr, value_of, length_of, first_temp=0):
    """The C of a requires or ensures. value_of(name, result) and length_of(name, result) give the
    C of an operand, which must be a uint64_t without side effects. Overflow makes the condition
    false."""
    temps = []

    def operand(node):
        """(C text of overflow checks to make first, C text of the value)."""
        if node.kind == "lit":
            return [], c_number(node.value)
        if node.kind == "param":
            return [], value_of(node.name, node.result)
        if node.kind == "len":
            return [], length_of(node.name, node.result)
        left_checks, left = operand(node.args[0])
        right_checks, right = operand(node.args[1])
        temp = f"t{first_temp + len(temps)}_"
        temps.append(temp)
        check = f"{_BUILTIN[node.kind]}((uint64_t){left}, (uint64_t){right}, &{temp})"
        return left_checks + right_checks + [check], temp

    def failed(node):
        if node.kind == "and":
            return [text for arg in node.args for text in failed(arg)]
        left_checks, left = operand(node.args[0])
        right_checks, right = operand(node.args[1])
        return left_checks + right_checks + [f"!({left} {node.kind} {right})"]

    return Condition(temps, " || ".join(mark(text) for text in failed(expr)))


def param_c_name(param):
    return cnames.safe(param.name)
