"""Back end if: the C of interfaces. Per interface X: X.h (types, client), X_client.c,
X_client_async.c (begin and end), X_client_cb.c (callback form), X_server.h, X_server.c; per file
with types at file level X_types.h."""
from ... import cnames
from .. import env
from . import lower, view


def _wanted(build):
    return {f.namespace for f in build.files if f.generate}


def _interfaces(build):
    wanted = _wanted(build)
    return [i for i in build.interfaces if i.namespace in wanted]


def _type_files(build):
    """[(namespace, declarations)] of files with types at file level."""
    found = {}
    for decl in build.types:
        if decl.namespace in _wanted(build):
            found.setdefault(decl.namespace, []).append(decl)
    return sorted(found.items())


def parts(build):
    """{namespace: names of its files}"""
    names = {namespace: [f"{namespace}_types.h"] for namespace, _ in _type_files(build)}
    for item in _interfaces(build):
        names.setdefault(item.namespace, []).extend(cnames.files(item))
    return names


def outputs(build):
    return [name for names in parts(build).values() for name in names]


def render(build):
    lower.texts(build)
    templates = env.environment("c")
    paths = {f.namespace: f.path for f in build.files}
    for namespace, decls in _type_files(build):
        data = {"banner": env.banner([paths[namespace]]), "decls": view.decl_texts(decls),
                "includes": view.includes(decls, None)}
        yield f"{namespace}_types.h", templates.get_template("types.h.j2").render(data)
    for item in _interfaces(build):
        data = view.interface(build, item)
        data["banner"] = env.banner([paths[item.namespace]])
        for suffix in cnames.SUFFIXES:
            text = templates.get_template(f"interface{suffix}.j2").render(data)
            yield item.name + suffix, _tidy(text)


def _tidy(text):
    """At most one empty line in a row."""
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text
