"""Back end abi: the kernel's interface in C, for the kernel, for libaos and for tests."""
from .. import cnames, model
from ..limits import RIGHTS
from . import cexpr, env
from .wrap import comment, wrap

# Generated from templates of the same name; each gets the whole view.
FILES = ("errors.h", "errors.c", "captypes.h", "captypes.c", "syscalls.h", "invoke.h",
         "kernel_invoke.h", "kernel_invoke.c", "user.h", "grammar.h", "grammar.c")

FIRST_ARGUMENT = 2      # x0 capability, x1 method
FIRST_RESULT = 1        # x0 error
LOST_REGISTERS = 19     # x0 to x18


def outputs(build):
    return list(FILES)


def render(build):
    templates = env.environment("abi_c")
    view = _view(build)
    for name in FILES:
        yield name, templates.get_template(name + ".j2").render(view)


def _view(build):
    objects = [_object(o) for o in build.objects]
    return {
        "banner": env.banner([f.path for f in build.files if f.generate]),
        "sets": error_sets(build),
        "codes": error_codes(build),
        "captypes": [_captype(t) for t in build.captypes],
        "rights": [(letter.upper(), 1 << bit) for bit, letter in enumerate(RIGHTS)],
        "all_rights": (1 << len(RIGHTS)) - 1,
        "syscalls": [(cnames.syscall(s), s.ordinal, comment(s.doc)) for s in build.syscalls],
        "enums": [_enum(t) for t in _enums(build)],
        "objects": objects,
        "grammar_args_max": max([1] + [len(m["args"]) for o in objects for m in o["methods"]]),
        "table": _table(build),
    }


# Constants -----------------------------------------------------------------------------------


def _enums(build):
    """Enums and flags of the files that are generated, not those of interfaces."""
    shown = {f.namespace for f in build.files if f.generate}
    return [t for t in build.types
            if isinstance(t, model.Enum) and t.scope is None and t.namespace in shown]


def _enum(decl):
    values = [(cnames.enum_value(decl, v), v.value, comment(v.doc)) for v in decl.values]
    return {"doc": comment(decl.doc), "values": values}


# Errors --------------------------------------------------------------------------------------


def error_sets(build):
    """The `errors` blocks, for errors.h."""
    blocks = [s for s in build.error_sets if not any(i.name == s.owner for i in build.interfaces)]
    return [{"owner": s.owner, "id": s.id, "doc": comment([f"{s.owner}:"] + s.doc),
             "errors": [(cnames.error(s, e), f"0x{e.code:04x}", e.message) for e in s.errors]}
            for s in blocks]


def error_codes(build):
    """All errors of the build by code, for the table of names."""
    found = [(e.code, env.c_string(f"{s.owner}: {e.name}"), env.c_string(e.message))
             for s in build.error_sets for e in s.errors]
    return [(f"0x{code:04x}", name, message) for code, name, message in sorted(found)]


# Capability types ----------------------------------------------------------------------------


def rights_mask(letters):
    return sum(1 << RIGHTS.index(letter) for letter in letters or "")


def _captype(item):
    return {"name": item.name, "c": cnames.captype(item.name), "rights": rights_mask(item.rights),
            "retype": _mask("        .retype_mask = ", item.retype),
            "map": _mask("        .map_mask = ", item.map),
            "fields": ", ".join(f"{f.name}: {f.type.name()}" for f in item.fields)}


def _mask(head, names):
    bits = [f"1u << {cnames.captype(name)}" for name in names] or ["0"]
    return wrap(head, bits, ",", " |", " " * 12)


# Invocations ---------------------------------------------------------------------------------


def _object(item):
    kinds = [f"1u << {cnames.captype(name)}" for name, _rights in item.captypes]
    return {"name": item.name, "doc": item.doc, "kinds": " | ".join(kinds) or "0",
            "methods": [_method(item, m) for m in item.methods]}


def _method(obj, method):
    args, register = [], 0
    for param in method.params:
        args.append(_argument(param, register))
        register += 2 if isinstance(param.type, model.User) else 1
    results = [{"c": f"ret_{r.name}", "register": FIRST_RESULT + i, "index": i}
               for i, r in enumerate(method.results)]
    c_name = cnames.invoke(obj, method)
    outs = [f"uint64_t *{r['c']}" for r in results]
    kernel = ["struct dispatcher *self", "struct cte *object"]
    temps, failed = [], []
    for expr in method.requires:
        made = cexpr.condition(expr, _value(args), _length(args), len(temps))
        temps += made.temps
        failed.append(made.failed)
    fails = [cnames.error(f.set, f.error) for f in method.fails]
    notes = [f"{c_name}: {', '.join(fails)}"] if fails else []
    return {"name": method.name, "number": cnames.invoke_number(obj, method),
            "ordinal": method.ordinal, "fails": notes,
            "grammar": f"GRAMMAR_{obj.name}_{method.name}".upper(),
            "doc": comment(method.doc + (["Errors: " + ", ".join(fails)] if fails else [])),
            "prototype": wrap(f"errval_t {c_name}(", kernel + [a["kernel"] for a in args] + outs,
                              ");"),
            "call": wrap(f"    return {c_name}(", ["c->self", "c->object"] +
                         [a["passed"] for a in args] +
                         [f"&c->results[{r['index']}]" for r in results], ");", indent=" " * 8),
            "user": wrap(f"static inline errval_t {c_name}(",
                         ["caddr_t object"] + [u for a in args for u in a["user"]] + outs, ")"),
            "args": args, "results": results, "registers": register, "temps": temps,
            "failed": failed, **_svc(register, len(results))}


def _svc(arguments, results):
    """Which of x0 to x18 the svc of a user stub reads, writes, and just destroys."""
    read = FIRST_ARGUMENT + arguments
    written = FIRST_RESULT + results
    used = max(read, written)
    outputs_ = [f'"+r"(x{n})' for n in range(read)] + [f'"=r"(x{n})' for n in range(read, written)]
    clobbers = [f'"x{n}"' for n in range(used, LOST_REGISTERS)] + ['"memory"', '"cc"']
    return {"outs": list(range(read, written)),
            "outputs": wrap(" " * 21 + ": ", outputs_, "", indent=" " * 23),
            "clobbers": wrap(" " * 21 + ": ", clobbers, ");", indent=" " * 23)}


def _argument(param, register):
    """One parameter, as the decoder and the user stub see it."""
    type_ = param.type
    name = cnames.safe(param.name)
    arg = f"c->args[{register}]"
    view = {"c": name, "kind": "int", "index": register, "check": "", "bound": 0,
            "grammar": "GRAMMAR_NUMBER", "kinds": "", "low": "0", "high": "0",
            "registers": [(FIRST_ARGUMENT + register, name)], "passed": name,
            "kernel": f"struct cte *{name}", "user": [f"caddr_t {name}"]}
    if isinstance(type_, model.Cref):
        kinds = " | ".join(f"1u << {cnames.captype(kind)}" for kind in type_.kinds)
        view.update(kind="cref", grammar="GRAMMAR_CREF", kinds=kinds or "ANY_KIND",
                    rights=rights_mask(type_.rights))
        view["decode"] = wrap("    err = decode_cref(", ["c", str(register), view["kinds"],
                              str(view["rights"]), f"&{name}"], ");", indent=" " * 8)
    elif isinstance(type_, model.Slot):
        view.update(kind="slot", grammar="GRAMMAR_SLOT",
                    decode=f"    err = decode_slot(c, {register}, &{name});")
    elif isinstance(type_, model.User):
        const = "const " if type_.direction == "in" else ""
        view.update(kind="user", grammar="GRAMMAR_USER", high=cexpr.c_number(type_.bound),
                    kernel=f"struct user_slice {name}",
                    decode=f"    err = decode_user(c, {register}, {type_.bound}, &{name});",
                    user=[f"{const}void *{name}", f"size_t {name}_len"],
                    registers=[(FIRST_ARGUMENT + register, f"(uintptr_t){name}"),
                               (FIRST_ARGUMENT + register + 1, f"{name}_len")])
    else:
        c_type = cexpr.c_int(type_)
        value = f"(uint64_t){name}" if c_type.startswith("int") else name
        view.update(kernel=f"{c_type} {name}", user=[f"{c_type} {name}"],
                    check=_check(param, arg), **_limits(param),
                    registers=[(FIRST_ARGUMENT + register, value)],
                    passed=arg if c_type == "uint64_t" else f"({c_type}){arg}")
    return view


def _check(param, arg):
    """C that is true when an integer argument is not a value of its type; empty if all are."""
    type_ = param.type
    if isinstance(type_, model.Bool):
        return f"{arg} > 1"
    if isinstance(type_, model.Named):
        return _enum_check(type_.decl, arg)
    bits = type_.bits
    if type_.signed:
        return "" if bits == 64 and not param.range else _signed_check(type_, param.range, arg)
    low, high = param.range or (0, (1 << bits) - 1)
    tests = []
    if low > 0:
        tests.append(f"{arg} < {cexpr.c_number(low)}")
    if high < (1 << 64) - 1:
        tests.append(f"{arg} > {cexpr.c_number(high)}")
    if param.pow2:
        tests.append(f"{arg} == 0 || ({arg} & ({arg} - 1)) != 0")
    return " || ".join(tests)


def _limits(param):
    """The least and the largest value of an integer argument, as 64-bit patterns."""
    type_ = param.type
    if isinstance(type_, model.Bool):
        low, high = 0, 1
    elif isinstance(type_, model.Named):
        values = [value.value for value in type_.decl.values] or [0]
        low, high = min(values), max(values)
    elif type_.signed:
        low, high = param.range or (-(1 << (type_.bits - 1)), (1 << (type_.bits - 1)) - 1)
    else:
        low, high = param.range or (0, (1 << type_.bits) - 1)
    return {"low": cexpr.c_number(low % (1 << 64)), "high": cexpr.c_number(high % (1 << 64))}


def _signed_check(type_, range_, arg):
    low, high = range_ or (-(1 << (type_.bits - 1)), (1 << (type_.bits - 1)) - 1)
    return (f"(int64_t){arg} < {cexpr.c_literal(type_, low)} || "
            f"(int64_t){arg} > {cexpr.c_literal(type_, high)}")


def _enum_check(decl, arg):
    if decl.type.signed and decl.flexible:
        return _signed_check(decl.type, None, arg) if decl.type.bits < 64 else ""
    if decl.flexible:
        return f"{arg} > {cexpr.c_number((1 << decl.type.bits) - 1)}" if decl.type.bits < 64 else ""
    if decl.kind == "flags":
        mask = sum(value.value for value in decl.values)
        return f"({arg} & ~UINT64_C({mask})) != 0"
    cast = "(int64_t)" if decl.type.signed else ""
    return " && ".join(f"{cast}{arg} != {cexpr.c_literal(decl.type, value.value)}"
                       for value in decl.values)


def _value(args):
    by_name = {arg["c"]: arg for arg in args}
    return lambda name, result: f"c->args[{by_name[cnames.safe(name)]['index']}]"


def _length(args):
    by_name = {arg["c"]: arg for arg in args}
    return lambda name, result: f"c->args[{by_name[cnames.safe(name)]['index'] + 1}]"


def _table(build):
    """One row per capability type that can be invoked: its decoders by method number."""
    rows = []
    for obj in build.objects:
        count = max((m.ordinal for m in obj.methods), default=0) + 1
        for name, rights in obj.captypes:
            rows.append({"captype": cnames.captype(name), "object": obj.name, "count": count,
                         "rights": rights_mask(rights)})
    return rows
