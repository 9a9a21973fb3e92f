"""Back end fuzz: what a fuzzer must know of an interface. X_fuzz.c has handlers that pass all that
they get on to the generated client, whose server is the fuzzer (tests/host/fuzz/fuzz.h). So
requests, events, replies and items go through all generated readers and writers. An input may ask
for one length beyond its bound (fuzz_grows), which the code that sends it has to refuse."""
from .. import cnames, model
from ..cnames import safe
from . import env
from .c import ctypes, lower
from .c.client import ClientView
from .wrap import wrap


def outputs(build):
    return [f"{item.name}_fuzz.c" for item in build.interfaces if _wanted(build, item)]


def render(build):
    lower.texts(build)
    paths = {f.namespace: f.path for f in build.files}
    for item in build.interfaces:
        if _wanted(build, item):
            yield f"{item.name}_fuzz.c", _text(item, env.banner([paths[item.namespace]]))


def growing(item):
    """{name of a method: how many of its lengths can grow}, of an interface in the lowered form."""
    return {v.name: "\n".join(_BODIES[v.kind](v)).count("fuzz_grows(")
            for v in (ClientView(item, m) for m in item.methods)}


def _wanted(build, item):
    return any(f.namespace == item.namespace and f.generate for f in build.files)


def _text(item, banner):
    views = [ClientView(item, m) for m in item.methods]
    name = item.name
    served = [f"    .on_{v.name} = on_{v.name}," for v in views if v.kind != "event"]
    events = [f"    .on_{v.name} = on_{v.name}," for v in views if v.kind == "event"]
    lines = [f"/* {banner} */", '#include "fuzz.h"', "", f"#include <if/{name}.h>",
             f"#include <if/{name}_server.h>", "", f"static struct {name}_binding middle;", ""]
    for view in views:
        lines += _BODIES[view.kind](view) + ["}", ""]
    lines += [f"static const struct {name}_server_ops server_ops = {{"] + served + ["};", ""]
    if events:
        lines += [f"static const struct {name}_event_ops event_ops = {{"] + events + ["};", ""]
    return "\n".join(lines + [
        "const struct fuzz_interface fuzz_interface = {",
        f"    &{name}_client_interface, &{name}_server_interface, &server_ops, &middle.base,",
        f"    {'&event_ops' if events else 'NULL'},", "};", ""])


def _head(view, prototype, result):
    text = prototype.replace(f"    {result} (*on_{view.name})(", f"static {result} on_{view.name}(")
    return [text.rstrip(";"), "{", "    fuzz_called();"]


def _passed(view):
    """(lines before the client's function, its arguments)."""
    lines, names = [], []
    kind = "FUZZ_GROWN_EVENT" if view.kind == "event" else "FUZZ_GROWN_REQUEST"
    for param in view.m.params:
        name = safe(param.name)
        if param.name not in view.leases:
            names += ctypes.in_names(param)
            lines += _room(param, name, name) + [f"    {name} = {name}_more;"] * _has_room(param)
            lines += _grow(kind, param, f"has_{param.name}", name, f"(({{}} *){name})", "->")
            continue
        given = param.type.direction == "in"
        lines.append(f"    void *{name}_at = fuzz_lease({name}, {'true' if given else 'false'});")
        lines.append(f"    size_t {name}_n = lease_len({name});")
        lines += _grows(kind, "", f"{name}_n", param.type.bound)
        names += [f"{name}_at", f"{name}_n"]
    return lines, names


# Lengths that are too long -------------------------------------------------------------------


def _grows(kind, guard, place, bound):
    return [f"    if ({guard}fuzz_grows({kind})) {{",
            f"        {place} = (__typeof__({place}))({bound} + 1u);", "    }"]


def _has_room(param):
    """Is it an array of capabilities, of which there may be one more than there can be? A stub to
    which they are given away deletes as many as it is told of, also if these are too many."""
    type_, _ = ctypes.strip_optional(param.type)
    return isinstance(type_, model.Array) and type_.at_most and _holds_caps(type_.elem)


def _room(param, name, stem):
    """Lines that make an array `name`_more with such room, of the one that is `name`."""
    if not _has_room(param):
        return []
    type_, _ = ctypes.strip_optional(param.type)
    return [f"    {ctypes.elem_type(type_.elem)} {name}_more[{type_.count} + 1] = {{0}};",
            f"    __builtin_memcpy({name}_more, {name}, {stem}_count * sizeof({name}[0]));"]


def _holds_caps(type_):
    if isinstance(type_, (model.Optional_, model.Array)):
        return _holds_caps(type_.elem)
    return ctypes.is_handle(type_) or ctypes.is_aggregate(type_) and any(
        _holds_caps(field.type) for field in type_.decl.fields)


def _grow(kind, param, present, stem, base, join):
    """Lines that let each length in a value grow. `present`: C that is true if it is there; what
    `stem` begins are the names of its lengths; its fields, or elements, stand in `base` (with the
    C type for {}), a struct's behind `join`."""
    type_, optional = ctypes.strip_optional(param.type)
    guard = f"{present} && " if optional and not ctypes.is_handle(type_) else ""
    if isinstance(type_, (model.Buf, model.Lend)):
        return _grows(kind, guard, f"{stem}_len", type_.bound)
    if isinstance(type_, model.Array):
        many = guard + f"{stem}_count > 0 && " if type_.at_most else guard
        lines = _grows(kind, guard, f"{stem}_count", type_.count) if type_.at_most else []
        if ctypes.is_aggregate(type_.elem):
            lines += _within(many, _grow_fields(kind, type_.elem.decl, base.format(
                ctypes.elem_type(type_.elem)) + "[0]."))
        return lines
    if ctypes.is_aggregate(type_):
        return _within(guard, _grow_fields(kind, type_.decl,
                                           base.format(ctypes.elem_type(type_)) + join))
    return []


def _within(guard, lines):
    if not lines or not guard:
        return lines
    return [f"    if ({guard.removesuffix(' && ')}) {{"] + ["    " + line for line in lines] \
        + ["    }"]


def _grow_fields(kind, decl, base):
    lines = []
    for field in decl.fields:
        place = base + safe(field.name)
        inner = _grow(kind, field, f"{base}has_{field.name}", place, place, ".")
        if isinstance(decl, model.Table):
            there = f"{base}tag == {cnames.union_tag(decl, field)}" if decl.kind == "union" \
                else f"{base}has_{field.name}"
            inner = _within(f"{there} && ", inner)
        lines += inner
    return lines


def _grow_results(view):
    """Lengths among the results of a call, which its handler has in ret_x."""
    lines = []
    for result in view.results:
        name = f"ret_{result.name}"
        lines += _grow("FUZZ_GROWN_RESULT", result, f"*{name}_present", f"*{name}", name, "->")
        lent = next((p for p in view.m.params if p.name == result.counts), None)
        if lent is None:
            continue
        leased, place = lent.name in view.leases, f"*{name}"
        room = f"lease_len({safe(lent.name)})" if leased else f"{safe(lent.name)}_len"
        fits = f"(__typeof__({place}))({room} + 1u) > {room} && "
        if leased and lent.type.direction == "out":
            lines += _grows("FUZZ_GROWN_COUNT", fits, place, room)
            continue
        lines += _grows("FUZZ_GROWN_COUNT", "!fuzz_deferred && " + fits, place, room)
        if lent.type.direction == "out":
            most = lent.type.bound
            fits = f"(__typeof__({place})){most + 1}u > {most}u && "
            lines += _grows("FUZZ_GROWN_RESULT", "fuzz_deferred && " + fits, place, most)
    return lines


# Handlers ------------------------------------------------------------------------------------


def _given(results, stem):
    """Results that were asked for, as a responder takes them. `stem`: "*" if they are pointers."""
    args = []
    for result in results:
        type_, optional = ctypes.strip_optional(result.type)
        name = f"ret_{result.name}"
        args += [f"{stem}{name}_present"] * (optional and not ctypes.is_handle(type_))
        if isinstance(type_, model.Buf):
            args += [name, f"{stem}{name}_len"]
        elif isinstance(type_, model.Array):
            args += [f"{name}_more" if _has_room(result) else name]
            args += [f"{stem}{name}_count"] * type_.at_most
        elif ctypes.is_aggregate(type_):
            args.append(name if stem else f"&{name}")
        else:
            args.append(f"{stem}{name}")
    return args


def _call(view):
    lines, names = _passed(view)
    outs = [text.split("*")[-1].split()[-1] for text in ctypes.out_params(view.results)]
    lines = _head(view, view.handler(), "errval_t") + ["    (void)ctx_;"] + lines
    if view.window is not None:
        return lines + _stream(view, names)
    lines += ["    errval_t err_;", "    if (fuzz_async) {",
              f"        struct {view.base}_call call_;",
              wrap(f"        err_ = {view.base}_begin(", ["&middle"] + names + ["&call_"], ");",
                   indent=" " * 12), "        if (err_is_ok(err_)) {",
              "            fuzz_stack();",
              wrap(f"            err_ = {view.base}_end(", ["&call_", "BINDING_DEADLINE"] + outs,
                   ");", indent=" " * 16), "        }", "    } else {",
              wrap(f"        err_ = {view.base}(", ["&middle"] + names + outs, ");",
                   indent=" " * 12), "    }", "    (void)fuzz_returned(err_);"]
    for param in view.m.params:
        counting = [r for r in view.results if r.counts == param.name]
        if param.name in view.leases and counting and param.type.direction == "out":
            name = safe(param.name)
            lines += ["    if (err_is_ok(err_)) {", f"        err_ = lease_write({name}, 0, "
                      f"{name}_at, (uint32_t)*ret_{counting[0].name});", "    }"]
    lent = [f"{safe(p.name)}_at" if p.name in view.leases else safe(p.name)
            for p in view.m.params if isinstance(p.type, model.Lend) and p.type.direction == "out"]
    args = ["&responder_", "err_"] + _given(view.results, "*") + lent
    for result in filter(_has_room, view.results):
        name, most = f"ret_{result.name}", ctypes.strip_optional(result.type)[0].count
        lines += _room(result, name, f"*{name}")
        lines.append(f"    __builtin_memset({name} + *{name}_count, 0, "
                     f"({most} - *{name}_count) * sizeof({name}[0]));")
    return lines + _within("err_is_ok(err_) && ", _grow_results(view)) + [
        "    if (fuzz_deferred && err_is_ok(err_)) {",
        f"        struct {view.base}_responder responder_ = {view.base}_defer(ctx_);",
        wrap(f"        {view.base}_reply(", args, ");", indent=" " * 12),
        "        return SERVER_DEFERRED;", "    }", "    return err_;"]


def _stream(view, names):
    made = [ctypes.result_local(result) for result in view.m.results]
    outs = [text for _, more in made for text in more]
    lines = [f"    struct {view.base}_stream stream_;"]
    lines += [line for more, _ in made for line in more]
    grown = [line for result in view.m.results
             for line in _room(result, f"ret_{result.name}", f"ret_{result.name}")]
    grown += [line for result in view.m.results for line in _grow(
        "FUZZ_GROWN_ITEM", result, f"ret_{result.name}_present", f"ret_{result.name}",
        f"ret_{result.name}", ".")]
    return lines + [
        wrap(f"    errval_t err_ = {view.base}_open(", ["&middle"] + names + ["&stream_"], ");",
             indent=" " * 8), "    if (err_is_ok(err_)) {",
        wrap(f"        err_ = {view.base}_next(", ["&stream_"] + outs, ");", indent=" " * 12),
        f"        {view.base}_close(&stream_);", "    }",
        "    if (fuzz_deferred && err_is_ok(fuzz_returned(err_))) {",
        *("    " + line for line in grown),
        f"        struct {view.base}_sink sink_ = {view.base}_defer(ctx_);",
        wrap(f"        fuzz_put({view.base}_put(", ["&sink_"] + _given(view.m.results, ""), "));",
             indent=" " * 12), f"        {view.base}_finish(&sink_, ERR_OK);",
        "        return SERVER_DEFERRED;", "    }", "    return fuzz_returned(err_);"]


def _oneway(view):
    lines, names = _passed(view)
    return _head(view, view.handler(), "void") + ["    (void)ctx_;"] + lines + [
        wrap(f"    (void)fuzz_returned({view.base}(", ["&middle"] + names, "));", indent=" " * 8)]


def _event(view):
    lines, names = _passed(view)
    lost = ["    (void)lost_;"] if view.has_lost else []
    return _head(view, view.event_handler(), "void") + ["    (void)arg_;"] + lost + lines + [
        wrap(f"    {view.item.name}_event_{view.name}(", ["fuzz_conn"] + names, ");",
             indent=" " * 8)]


_BODIES = {"call": _call, "oneway": _oneway, "event": _event}
