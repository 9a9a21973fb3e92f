"""Back end doc: reference pages in Markdown, one per file with interfaces or devices and one each
for errors, capability types, invocations and system calls."""
import re

from .. import canon, cnames, layout, model
from . import doc_dev, env
from .doc_dev import cell


def outputs(build):
    return [name for name, _, _ in _pages(build)]


def render(build):
    templates = env.environment("doc_md")
    for name, template, view in _pages(build):
        text = templates.get_template(template).render(view)
        yield name, re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n"


def _pages(build):
    """(file name, template, view) of every page; a page without content is left out."""
    shown = {f.namespace for f in build.files if f.generate}
    source = env.banner([f.path for f in build.files if f.generate])
    pages = []
    for file in build.files:
        found = [_interface(i) for i in build.interfaces if i.namespace == file.namespace]
        if file.generate and found:
            view = {"title": "interface " + ", ".join(i["name"] for i in found),
                    "banner": env.banner([file.path]), "interfaces": found}
            pages.append((f"if_{file.namespace}.md", "interface.md.j2", view))
        devices = [doc_dev.device(d, _type) for d in build.devices
                   if d.namespace == file.namespace]
        if file.generate and devices:
            view = {"title": "device " + ", ".join(d["name"] for d in devices),
                    "banner": env.banner([file.path]), "devices": devices}
            pages.append((f"dev_{file.namespace}.md", "device.md.j2", view))
    captypes = [t for t in build.captypes if t.namespace in shown]
    if captypes:
        pages.append(("captypes.md", "captypes.md.j2", {"types": [_captype(t) for t in captypes]}))
    objects = [_object(o) for o in build.objects if o.namespace in shown]
    if objects:
        pages.append(("invocations.md", "invocations.md.j2", {"objects": objects}))
    syscalls = [(s.ordinal, s.name, s.doc) for s in build.syscalls]
    if syscalls and objects:
        pages.append(("syscalls.md", "syscalls.md.j2", {"syscalls": syscalls}))
    sets = [_error_set(s) for s in build.error_sets if s.namespace in shown]
    if sets:
        pages.append(("errors.md", "errors.md.j2", {"sets": sets}))
    titles = [(name, view.get("title", name[:-3])) for name, _, view in pages]
    pages.append(("index.md", "index.md.j2", {"pages": titles}))
    return [(name, template, {"banner": source, **view}) for name, template, view in pages]


def _error_set(item):
    return {"owner": item.owner, "id": f"{item.id:#x}", "doc": " ".join(item.doc), "errors": [
        (cnames.error(item, e), e.number, f"0x{e.code:04x}", cell(e.message)) for e in item.errors]}


def _param(param):
    notes = []
    if param.range:
        notes.append(f"{param.range[0]} to {param.range[1]}")
    if param.pow2:
        notes.append("a power of two")
    if param.counts:
        notes.append(f"counts `{param.counts}`")
    return {"name": param.name, "type": cell(canon.type_text(param.type)),
            "notes": cell("; ".join(notes + [" ".join(param.doc)] if param.doc else notes))}


def _signature(method):
    def listed(params):
        return ", ".join(f"{p.name}: {canon.type_text(p.type)}" for p in params)
    text = f"{method.kind} {method.name} @{method.ordinal} ({listed(method.params)})"
    stream = "stream " if method.window is not None else ""
    text += f" -> {stream}({listed(method.results)})" if method.results else ""
    return text + (f" window {method.window}" if stream else "")


def _method(method, sizes):
    marks = []
    if method.idempotent:
        marks.append("may be repeated")
    if method.window is not None:
        marks.append(f"up to {method.window} items are on their way unread")
    if method.coalesce:
        marks.append("unread events are merged into the newest")
    if method.queue:
        marks.append(f"up to {method.queue} unread events are kept, then the oldest is dropped")
    if method.since > 1:
        marks.append(f"since version {method.since}")
    if method.deprecated:
        marks.append(f"deprecated since version {method.deprecated}")
    return {"name": method.name, "kind": method.kind, "doc": method.doc, "marks": marks,
            "signature": _signature(method), "params": [_param(p) for p in method.params],
            "results": [_param(p) for p in method.results],
            "requires": [canon.expr(e) for e in method.requires],
            "ensures": [canon.expr(e) for e in method.ensures],
            "fails": [(cnames.error(f.set, f.error), f.error.message) for f in method.fails],
            "sizes": sizes}


def _size(what, image):
    def counted(low, high, one, many):
        number = str(high) if low == high else f"{low} to {high}"
        return f"{number} {one if high == 1 else many}"
    words = counted(image.min_words, image.max_words, "word", "words")
    caps = counted(image.min_caps, image.max_caps, "capability", "capabilities")
    return f"{what}: {words}" + (f", {caps}" if image.max_caps else "")


def _interface(item):
    methods = []
    for method in sorted(item.methods, key=lambda m: m.ordinal):
        sizes = [_size("message" if method.kind != "call" else "request", layout.request(method))]
        if method.kind == "call":
            sizes.append(_size("reply", layout.reply(method)) if method.window is None else
                         _size("item", layout.item(method)))
        methods.append(_method(method, sizes))
    used = [t for t in item.types if not isinstance(t, model.Const)]
    consts = [(t.name, t.value, " ".join(t.doc)) for t in item.types if isinstance(t, model.Const)]
    return {"name": item.name, "doc": item.doc,
            "id": f"{item.id:#05x}", "version": item.version,
            "draft": " (draft)" if item.draft else "",
            "hash": f"{item.hash:016x}", "methods": methods, "consts": consts,
            "types": [_type(t) for t in used],
            "errors": _error_set(item.errors) if item.errors else None}


def _type(decl):
    view = {"name": decl.name, "doc": decl.doc, "names": [], "fields": []}
    if isinstance(decl, model.Enum):
        strict = "any other value is possible" if decl.flexible else "any other value is malformed"
        view.update(kind=f"{decl.kind} : {decl.type.name()}", note=strict, names=[
            (v.name, hex(v.value) if decl.kind == "flags" else v.value, " ".join(v.doc))
            for v in decl.values])
    elif isinstance(decl, model.Table):
        words = ["flexible" if decl.flexible else "strict"] + ["resource"] * decl.resource
        note = "any of its fields" if decl.kind == "table" else "exactly one of its fields"
        more = ("; fields that only a newer peer knows are skipped" if decl.kind == "table" else
                "; it may be one that only a newer peer knows") if decl.flexible else ""
        view.update(kind=" ".join(words + [decl.kind]), note=note + more,
                    fields=[dict(_param(f), name=f"{f.ordinal}: {f.name}") for f in decl.fields])
    else:
        view.update(kind="resource struct" if decl.resource else "struct", note="",
                    fields=[_param(f) for f in decl.fields])
    return view


def _captype(item):
    return {"name": item.name, "number": item.number, "doc": item.doc, "rights": item.rights,
            "fields": ", ".join(f"{f.name}: {canon.type_text(f.type)}" for f in item.fields),
            "retype": ", ".join(item.retype), "map": ", ".join(item.map)}


def _object(item):
    kinds = [name + (f" (with rights {rights})" if rights else "")
             for name, rights in item.captypes]
    return {"name": item.name, "doc": item.doc, "captypes": kinds,
            "methods": [_method(m, []) for m in item.methods]}
