"""Back end errors: the table of all errors a program may see, and the functions of errors.h."""
from . import abi, env


def outputs(build):
    return ["errors.c"]


def render(build):
    template = env.environment("abi_c").get_template("errors.c.j2")
    view = {"banner": env.banner([f.path for f in build.files]), "codes": abi.error_codes(build)}
    yield "errors.c", template.render(view)
