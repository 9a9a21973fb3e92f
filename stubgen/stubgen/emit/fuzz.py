"""Back end fuzz: what a fuzzer must know of an interface. X_fuzz.c has handlers that pass all that
they get on to the generated client, whose server is the fuzzer (tests/host/fuzz/fuzz.h). So
requests, events, replies and items go through all generated readers and writers."""
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
    for param in view.m.params:
        if param.name not in view.leases:
            names += ctypes.in_names(param)
            continue
        name = safe(param.name)
        given = param.type.direction == "in"
        lines.append(f"    void *{name}_at = fuzz_lease({name}, {'true' if given else 'false'});")
        names += [f"{name}_at", f"lease_len({name})"]
    return lines, names


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
    return lines + ["    return err_;"]


def _stream(view, names):
    made = [ctypes.result_local(result) for result in view.m.results]
    outs = [text for _, more in made for text in more]
    lines = [f"    struct {view.base}_stream stream_;"]
    lines += [line for more, _ in made for line in more]
    return lines + [
        wrap(f"    errval_t err_ = {view.base}_open(", ["&middle"] + names + ["&stream_"], ");",
             indent=" " * 8), "    if (err_is_ok(err_)) {",
        wrap(f"        err_ = {view.base}_next(", ["&stream_"] + outs, ");", indent=" " * 12),
        f"        {view.base}_close(&stream_);", "    }", "    return fuzz_returned(err_);"]


def _oneway(view):
    lines, names = _passed(view)
    return _head(view, view.handler(), "void") + ["    (void)ctx_;"] + lines + [
        wrap(f"    (void)fuzz_returned({view.base}(", ["&middle"] + names, "));", indent=" " * 8)]


def _event(view):
    _, names = _passed(view)
    lost = ["    (void)lost_;"] if view.has_lost else []
    return _head(view, view.event_handler(), "void") + ["    (void)arg_;"] + lost + [
        wrap(f"    {view.item.name}_event_{view.name}(", ["fuzz_conn"] + names, ");",
             indent=" " * 8)]


_BODIES = {"call": _call, "oneway": _oneway, "event": _event}
