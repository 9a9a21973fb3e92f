"""Back end dev: device registers in C. Per file X.dev: X.h (accessors), X.c (tables); and the
support code that all share, dev_*.h and dev_*.c. See README.md."""
from .. import env
from . import view

SUPPORT = ("dev_io.h", "dev_table.h", "dev_table.c", "dev_trace.c", "dev_model.h", "dev_model.c")


def _files(build):
    """[(namespace, path)] of the files to generate for."""
    return [(f.namespace, f.path) for f in build.files
            if f.generate and f.path.endswith(".dev")]


def outputs(build):
    return [stem + suffix for stem, _ in _files(build) for suffix in (".h", ".c")] + list(SUPPORT)


def render(build):
    templates = env.environment("dev")
    for stem, path in _files(build):
        data = {"banner": env.banner([path]), **view.file(build, stem)}
        yield f"{stem}.h", templates.get_template("device.h.j2").render(data)
        yield f"{stem}.c", templates.get_template("device.c.j2").render(data)
    for name in SUPPORT:
        yield name, templates.get_template(name + ".j2").render(
            {"banner": "Made by stubgen: do not edit."})
