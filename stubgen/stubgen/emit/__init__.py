"""Back ends. A target turns a checked build into named texts, or bytes; only output.py writes
files."""
import importlib


class Target:
    """`module` has render(build), giving (file name, text) pairs, and outputs(build), their names.
    Where the outputs for a file depend on that file, on what it imports and on context files alone,
    parts(build) gives them by namespace; render() leaves out files whose `generate` was taken."""

    def __init__(self, module, text):
        self.module = module
        self.help = text

    def _load(self):
        return importlib.import_module(f"{__name__}.{self.module}")

    def render(self, build):
        return self._load().render(build)

    def outputs(self, build):
        return self._load().outputs(build)

    def parts(self, build):
        """{namespace: [file name]}, or None if a change of one file can change any output."""
        module = self._load()
        return module.parts(build) if hasattr(module, "parts") else None


TARGETS = {
    "abi": Target("abi", "errors, capability types, system calls, invocations"),
    "dev": Target("dev", "device registers: accessors, traces, models"),
    "doc": Target("doc", "reference pages"),
    "errors": Target("errors", "errors.c: the names of all errors, context files included"),
    "fuzz": Target("fuzz", "interfaces: what tests/host/fuzz attacks them with"),
    "ifdesc": Target("ifdesc", "interfaces: what ifcall and rpctrace know of them"),
    "wireshark": Target("wireshark", "interfaces: a dissector of captures for Wireshark"),
    "if": Target("c", "interfaces: types, clients, servers"),
}
