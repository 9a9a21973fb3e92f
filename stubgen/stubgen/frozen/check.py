"""Which version is compared with which, and what else must be right about released versions."""
import os

from ..diag import Diags
from . import rules, store

FOLDER = "frozen"


def folder_of(path):
    """The folder of released versions that belongs to a file, idl/frozen for idl/if/NAME.if, or
    None if there is none."""
    above = os.path.dirname(os.path.dirname(os.path.abspath(path)))
    folder = os.path.join(above, FOLDER)
    return os.path.relpath(folder) if os.path.isdir(folder) else None


def check(build, folder=None):
    """(Diags, paths read): what is wrong with the interfaces of a checked build. `folder`: where
    the released versions are; by default beside the folder of each file."""
    diags, read = Diags(), []
    for path, interfaces in _by_folder(build, folder):
        items = store.listed(path)
        read += [path] + [item.path for item in items]
        for interface in interfaces:
            released = [item for item in items if item.name == interface.name]
            for item in released:
                store.load(item, diags)
            _interface(interface, released, path, diags)
        _ids(interfaces, items, diags)
    return diags, read


def _by_folder(build, folder):
    """[(folder, its interfaces)]; files of context are left alone."""
    found = {}
    paths = {file.namespace: file.path for file in build.files if file.generate}
    for interface in build.interfaces:
        if interface.namespace in paths:
            place = folder or folder_of(paths[interface.namespace])
            if place is not None:
                found.setdefault(place, []).append(interface)
    return found.items()


def _interface(new, released, folder, diags):
    newest = released[-1].version if released else 0
    if new.version < newest or new.draft and new.version == newest:
        too_old(new, newest, diags)
        return
    if new.draft:
        return
    if new.version != newest:
        diags.error("E2101", new.span, f"version {new.version} of `{new.name}` was never frozen",
                    f"no {store.path_of(folder, new.name, new.version)}",
                    f"release it with `stubgen freeze {new.name}`, or write "
                    f"`version {new.version} draft;`")
    against(new, released, diags)


def too_old(new, newest, diags):
    diags.error("E2104", new.span, f"interface `{new.name}` has version {new.version}"
                f"{' draft' if new.draft else ''}, but version {newest} is released",
                "not newer than what is released", f"write `version {newest + 1} draft;`")


def against(new, released, diags):
    """Compares with what is released; damaged files are left out. Returns how much is wrong."""
    known = [item.interface for item in released if item.interface is not None]
    if not known:
        return 0
    found = rules.compare(known, new, diags)
    if not found and known[-1].version == new.version and known[-1].hash != new.hash:
        diags.error("E2103", new.span, f"version {new.version} of `{new.name}` is released, and "
                    "this is another one", f"its hash is {new.hash:#018x}, that of the released "
                    f"one {known[-1].hash:#018x}",
                    f"the changes are allowed in a newer one: write `version {new.version + 1} "
                    f"draft;`, and `since {new.version + 1}` at new members",
                    [(known[-1].span, "released as this")])
        found = 1
    return found


def _ids(interfaces, items, diags):
    """An id stays with the name it was released with."""
    names = {interface.name for interface in interfaces}
    ids = {interface.id: interface for interface in interfaces}
    for item in items:
        if item.name in names:
            continue
        store.load(item, diags)
        old = item.interface
        if old is not None and old.id in ids:
            new = ids[old.id]
            diags.error("E2105", new.span, f"the id {new.id:#x} of `{new.name}` belongs to "
                        f"`{old.name}`", "released with another name", "choose another id",
                        [(old.span, f"in version {old.version}, which is released")])
