"""The C of a proof program that depends on the interface: handlers that write down what they get
and pass it on to the generated client. The prototypes come from the back end itself."""
from stubgen import cnames, model
from stubgen.emit.c import ctypes
from stubgen.emit.c.client import ClientView
from stubgen.emit.wrap import wrap

FORMS = ("sync", "async", "deferred", "callback")  # how a handler makes its call and answers
LATE = ("deferred", "callback")            # answers by a responder
SUFFIXES = {"async": ["client_async"], "callback": ["client_async", "client_cb"]}


class Harness:
    """One interface. `form`: which of FORMS its handlers use."""

    def __init__(self, item, form):
        self.item, self.form = item, form
        self.name = item.name
        self.done = {}                     # id of a declaration: its function
        self.functions = []

    def text(self):
        methods = [ClientView(self.item, m) for m in self.item.methods]
        bodies = [getattr(self, m.kind)(m) for m in methods]
        handlers = "".join(f"    .on_{m.name} = on_{m.name},\n" for m in methods
                           if m.kind != "event")
        events = "".join(f"    .on_{m.name} = on_{m.name},\n" for m in methods
                         if m.kind == "event")
        name = self.name
        head = ["/* Made by harness.py. */", '#include "proof.h"', "",
                f"#include <if/{name}.h>", f"#include <if/{name}_server.h>", "",
                f"static struct {name}_binding middle;", ""]
        tail = [f"static const struct {name}_server_ops server_ops = {{\n{handlers}}};"]
        if events:
            tail.append(f"static const struct {name}_event_ops event_ops = {{\n{events}}};")
        tail += [f"extern const struct proof_interface proof_{name};",
                 f"const struct proof_interface proof_{name} = {{",
                 f"    &{name}_client_interface, &{name}_server_interface, &server_ops,",
                 f"    &middle.base, {'&event_ops' if events else 'NULL'}", "};", ""]
        return "\n".join(head + self.functions + bodies + tail)

    # Values --------------------------------------------------------------------------------

    def put(self, type_, name, at, indent="    "):
        """Lines that write down one value. `at`: C expressions of its parts: value, has, len,
        count; `ctx_` is NULL where capabilities are not the handler's."""
        inner = indent + "    "
        if isinstance(type_, model.Optional_) and not ctypes.is_handle(type_.elem):
            return [f"{indent}if ({at['has']}) {{"] + self.put(type_.elem, name, at, inner) + [
                f"{indent}}} else {{", f'{inner}proof_absent("{name}");', f"{indent}}}"]
        type_, _ = ctypes.strip_optional(type_)
        value = at["value"]
        if ctypes.is_handle(type_):
            kept = "false" if ctypes.is_moved(type_) else "true"
            held = "_held" if self.form == "callback" else ""
            return [f'{indent}proof_cap{held}(ctx_, "{name}", {value}, {kept});']
        if isinstance(type_, model.Buf):
            return [f'{indent}proof_bytes("{name}", {value}, {at["len"]});']
        if isinstance(type_, model.Array):
            count = at["count"] if type_.at_most else str(type_.count)
            counter = f"i{len(indent)}_"
            body = self.put(type_.elem, "", {"value": f"{value}[{counter}]"}, inner)
            return [f'{indent}proof_open("{name}");',
                    f"{indent}for (size_t {counter} = 0; {counter} < {count}; {counter}++) {{"] \
                + body + [f"{indent}}}", f"{indent}proof_close();"]
        if ctypes.is_aggregate(type_):
            return [f'{indent}proof_open("{name}");',
                    f"{indent}{self.function(type_.decl)}(ctx_, &({value}));",
                    f"{indent}proof_close();"]
        signed = isinstance(layout_int(type_), model.Int) and layout_int(type_).signed
        call = "proof_integer" if signed else "proof_number"
        return [f'{indent}{call}("{name}", {value});']

    def function(self, decl):
        """The function that writes down a struct, table or union."""
        if id(decl) in self.done:
            return self.done[id(decl)]
        name = self.done[id(decl)] = f"text_{cnames.type_base(decl)}"
        struct = ctypes.struct_name(decl)
        lines = [f"static void {name}(struct server_ctx *ctx_, const {struct} *v)",
                 "{", "    (void)ctx_;"]
        for field in decl.fields:
            if getattr(decl, "kind", "struct") == "union":
                tag = cnames.union_tag(decl, field)
                lines += [f"    if (v->tag == {tag}) {{"] \
                    + self.put(field.type, field.name, self.member(field), " " * 8) + ["    }"]
            else:
                optional = isinstance(decl, model.Table)
                type_ = model.Optional_(field.type) if optional else field.type
                lines += self.put(type_, field.name, self.member(field))
        self.functions.append("\n".join(lines + ["}", ""]))
        return name

    @staticmethod
    def member(field):
        at = f"v->{cnames.safe(field.name)}"
        return {"value": at, "has": f"v->has_{field.name}", "len": f"{at}_len",
                "count": f"{at}_count"}

    # Handlers ------------------------------------------------------------------------------

    def given(self, view, params):
        """(lines that write down the parameters of a handler, their names for the client)."""
        lines, names = [], []
        for param in params:
            type_, _ = ctypes.strip_optional(param.type)
            name = cnames.safe(param.name)
            if isinstance(type_, model.Lend):
                more, passed = self.lent(view, param, name)
                lines += more
                names += passed
                continue
            value = f"*{name}" if ctypes.is_aggregate(type_) else name
            lines += self.put(param.type, param.name, {
                "value": value, "has": f"has_{param.name}", "len": f"{name}_len",
                "count": f"{name}_count"})
            names += ctypes.in_names(param)
        return lines, names

    @staticmethod
    def lent(view, param, name):
        is_lease = param.name in view.leases
        size = f"lease_len({name})" if is_lease else f"{name}_len"
        if param.type.direction == "out":
            lines = [f'    proof_number("{param.name}", {size});']
            if is_lease:
                lines.append(f"    void *{name}_at = proof_memory({size});")
                return lines, [f"{name}_at", size]
            if view.form in LATE:
                lines.append(f"    void *{name}_at = proof_memory({size});")
                return lines, [f"{name}_at", size]
            return lines, [name, size]
        if is_lease:
            strings = "true" if param.type.kind == "strings" else "false"
            return [f"    const void *{name}_at = proof_lease({name}, {strings});",
                    f'    proof_bytes("{param.name}", {name}_at, {size});'], [f"{name}_at", size]
        return [f'    proof_bytes("{param.name}", {name}, {size});'], [name, size]

    def stream(self, view):
        """A handler that passes on the items of a stream, and its end."""
        base = view.base
        shown, names = self.given(view, view.m.params)
        locals_, outs = [], []
        for result in view.m.results:
            more, args = ctypes.result_local(result)
            locals_ += ["    " + line for line in more]
            outs += args
        passed = self.results(view, True)
        lines = [self.head(view), "{", '    proof_line("q");'] + shown + ["    proof_end_line();",
                 f"    struct {base}_sink sink_ = {base}_defer(ctx_);",
                 f"    struct {base}_stream stream_;",
                 wrap(f"    errval_t err_ = {base}_open(", ["&middle"] + names + ["&stream_"],
                      ");", indent=" " * 8),
                 "    while (err_is_ok(err_)) {"] + locals_ + [
                 wrap(f"        err_ = {base}_next(", ["&stream_"] + outs, ");", indent=" " * 12),
                 '        proof_line("p");', "        proof_error(err_);",
                 "        if (err_is_ok(err_)) {"] + passed + [
                 wrap(f"            err_ = {base}_put(", ["&sink_"] + self.values(view), ");",
                      indent=" " * 16), "        }", "        proof_end_line();", "    }",
                 f"    {base}_close(&stream_);",
                 f"    {base}_finish(&sink_, err_ == RPC_ERR_STREAM_END ? ERR_OK : err_);",
                 "    return SERVER_DEFERRED;", "}", ""]
        return "\n".join(lines)

    @staticmethod
    def head(view):
        return view.handler().replace(f"    errval_t (*on_{view.name})(",
                                      f"static errval_t on_{view.name}(").rstrip(";")

    def call(self, view):
        if view.window is not None:
            return self.stream(view)
        if self.form == "callback" and view.has_cb():
            return self.callback(view)
        method, base = view.m, view.base
        form = view.form = "deferred" if self.form in LATE else self.form
        shown, names = self.given(view, method.params)
        lines = [self.head(view), "{"]
        locals_, outs = [], []
        for result in method.results:
            more, args = ctypes.result_local(result)
            if form == "deferred":
                locals_ += more
                outs += args
            else:
                outs += [text.split("*")[-1].split()[-1] for text in ctypes.out_param(result)]
        lines += ["    {"] + locals_ + ['    proof_line("q");'] + shown + ["    proof_end_line();"]
        args = ["&middle"] + names
        if form == "async":
            lines += [f"    struct {base}_call call_;",
                      wrap(f"    errval_t err_ = {base}_begin(", args + ["&call_"], ");",
                           indent=" " * 8),
                      "    if (err_is_ok(err_)) {",
                      wrap(f"        err_ = {base}_end(", ["&call_", "BINDING_DEADLINE"] + outs,
                           ");", indent=" " * 12), "    }"]
        else:
            lines.append(wrap(f"    errval_t err_ = {base}(", args + outs, ");", indent=" " * 8))
        lines += ['    proof_line("p");', "    proof_error(err_);", "    if (err_is_ok(err_)) {"]
        lines += self.results(view) + ["    }", "    proof_end_line();"]
        return "\n".join(lines + self.answer(view) + ["    }", "}", ""])

    def callback(self, view):
        """A handler that leaves the rest to the function that is called with the answer."""
        base, name = view.base, view.name
        view.form = "callback"
        shown, names = self.given(view, view.m.params)
        lent = view._lent_out()
        params = ["void *arg_", "errval_t err_"] + ctypes.in_params(view.m.results)
        passed = [n for r in view.m.results for n in ctypes.in_names(r)]
        passed += [f"{name}_{p.name}_kept" for p in lent]
        lines = [f"static struct {base}_responder {name}_responder;"]
        lines += [f"static void *{name}_{p.name}_kept;" for p in lent]
        lines += [wrap(f"static void {name}_done(", params, ")"), "{",
                  "    struct server_ctx *const ctx_ = NULL;", '    proof_line("p");',
                  "    proof_error(err_);", "    if (err_is_ok(err_)) {"]
        for result in view.m.results:
            type_, _ = ctypes.strip_optional(result.type)
            at = cnames.safe(result.name)
            value = f"*{at}" if ctypes.is_aggregate(type_) else at
            lines += self.put(result.type, result.name, {
                "value": value, "has": f"has_{result.name}", "len": f"{at}_len",
                "count": f"{at}_count"}, " " * 8)
            lines += [f'        proof_bytes("{p.name}", {name}_{p.name}_kept, {at});'
                      for p in lent if p.name == result.counts]
        lines += ["    }", "    proof_end_line();",
                  wrap(f"    {base}_reply(", [f"&{name}_responder", "err_"] + passed, ");",
                       indent=" " * 8), "}", "", self.head(view), "{", '    proof_line("q");']
        lines += shown + ["    proof_end_line();"]
        lines += [f"    {name}_{p.name}_kept = {cnames.safe(p.name)}_at;" for p in lent]
        lines += [wrap(f"    errval_t err_ = {base}_cb(",
                       ["&middle"] + names + [f"{name}_done", "NULL"], ");", indent=" " * 8),
                  "    if (err_is_fail(err_)) {", '        proof_line("p");',
                  "        proof_error(err_);", "        proof_end_line();",
                  "        return err_;", "    }", f"    {name}_responder = {base}_defer(ctx_);",
                  "    return SERVER_DEFERRED;", "}", ""]
        return "\n".join(lines)

    def results(self, view, are_locals=False):
        """Lines that write down the results of the client's call, and complete leases."""
        lines = []
        are_locals = are_locals or view.form == "deferred"
        for result in view.m.results:
            type_, _ = ctypes.strip_optional(result.type)
            name = f"ret_{result.name}"
            if are_locals:
                at = {"value": name, "has": f"{name}_present", "len": f"{name}_len",
                      "count": f"{name}_count"}
            else:
                plain = isinstance(type_, (model.Buf, model.Array))
                at = {"value": name if plain else f"*{name}", "has": f"*{name}_present",
                      "len": f"*{name}_len", "count": f"*{name}_count"}
            lines += self.put(result.type, result.name, at, " " * 8)
            lent = next((p for p in view._lent_out() if p.name == result.counts), None)
            if lent is not None:
                buf = cnames.safe(lent.name)
                is_lease = lent.name in view.leases
                own = f"{buf}_at" if is_lease or view.form == "deferred" else buf
                lines.append(f'        proof_bytes("{lent.name}", {own}, {at["value"]});')
                if is_lease and view.form != "deferred":
                    lines.append(f"        err_ = lease_write({buf}, 0, {own}, "
                                 f"(uint32_t){at['value']});")
        return ["        {", "        struct server_ctx *const ctx_ = NULL;",
                "        (void)ctx_;"] \
            + lines + ["        }"]

    def answer(self, view):
        if view.form != "deferred":
            return ["    return err_;"]
        passed = self.values(view)
        passed += [f"{cnames.safe(p.name)}_at" for p in view._lent_out()]
        return [f"    struct {view.base}_responder responder_ = {view.base}_defer(ctx_);",
                wrap(f"    {view.base}_reply(", ["&responder_", "err_"] + passed, ");",
                     indent=" " * 8), "    return SERVER_DEFERRED;"]

    @staticmethod
    def values(view):
        """The results that stand in locals, as they are sent."""
        passed = []
        for result in view.m.results:
            type_, optional = ctypes.strip_optional(result.type)
            name = f"ret_{result.name}"
            if optional and not ctypes.is_handle(type_):
                passed.append(f"{name}_present")
            if isinstance(type_, model.Buf):
                passed += [name, f"{name}_len"]
            elif isinstance(type_, model.Array):
                passed += [name] + [f"{name}_count"] * type_.at_most
            else:
                passed.append(f"&{name}" if ctypes.is_aggregate(type_) else name)
        return passed

    def oneway(self, view):
        shown, names = self.given(view, view.m.params)
        lines = [view.handler().replace(f"    void (*on_{view.name})(",
                                        f"static void on_{view.name}(").rstrip(";"), "{",
                 "    (void)ctx_;", '    proof_line("q");'] + shown + [
                     "    proof_end_line();",
                     wrap(f"    errval_t err_ = {view.base}(", ["&middle"] + names, ");",
                          indent=" " * 8),
                     "    if (err_is_fail(err_)) {", '        proof_line("p");',
                     "        proof_error(err_);", "        proof_end_line();", "    }", "}", ""]
        return "\n".join(lines)

    def event(self, view):
        shown, names = self.given(view, view.m.params)
        lines = [view.event_handler().replace(f"    void (*on_{view.name})(",
                                              f"static void on_{view.name}(").rstrip(";"), "{",
                 "    struct server_ctx *const ctx_ = NULL;", "    (void)ctx_;", "    (void)arg_;"]
        if view.has_lost:
            lines.append("    (void)lost_;")
        lines += ['    proof_line("q");'] + shown + [
            "    proof_end_line();",
            wrap(f"    {self.name}_event_{view.name}(", ["proof_conn"] + names, ");",
                 indent=" " * 8), "}", ""]
        return "\n".join(lines)


def layout_int(type_):
    """The integer that holds a scalar."""
    return type_.decl.type if isinstance(type_, model.Named) else type_


def table(names):
    """The C of the list of all interfaces."""
    lines = ['#include "proof.h"', ""]
    lines += [f"extern const struct proof_interface proof_{name};" for name in names]
    lines += ["const struct proof_interface *const proof_interfaces[] = {"]
    lines += [f"    &proof_{name}," for name in names]
    return "\n".join(lines + ["};", f"const uint32_t proof_interfaces_count = {len(names)};", ""])
