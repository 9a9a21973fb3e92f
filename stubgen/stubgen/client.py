"""A binding to a server for tests on the host: the methods of an interface are methods of a Python
object, with keyword arguments.

    with client.Process([server], "idl/test/kitchen_sink.if", context) as sink:
        sink.one(value=5).value_out
        try:
            sink.ranges(a=5, b=1, c=1, lo=0, hi=9)
        except sink.errors.refused:
            ...
        sink.subscribe("low")
        sink.fire(count=2)
        for name, values in sink.events(): ...

Values are those of codec.py. A name that is a word of Python takes a `_` behind it. A call returns
its results by name; an error is an exception of the class `errors.NAME`, all of them Error. The
carrier is UMP (ump.py) over a file that both processes have mapped; doorbells are bytes in pipes.
This client has no capabilities, no region for lent buffers, and no streams: methods that need them
raise Unsupported."""
import keyword
import mmap
import subprocess
import tempfile
from types import SimpleNamespace

from . import codec, driver, layout, model, ump

FRAME_BYTES = 8192         # tests/host/ump/remote.h
OP_SUBSCRIBE = 4           # CHAN_OP_SUBSCRIBE
EVENT_DONE, ONEWAY_DONE = 17, 18
REG_WORDS = 8              # a oneway of more words is told when it was read
SLOT_MASK, LOST = 0x3f, 1 << ump.GEN_SHIFT
TXID_MASK = 0xffff0000
CODE_BITS = 16


class Unsupported(Exception):
    """The method needs what this client has not."""


class Error(Exception):
    """What a server answered. `names`: the errors of the stack as `set.name`, newest first."""
    names = ()


class Errors:
    """The exception classes of an interface and of the framework, by the names of the errors."""

    def __init__(self, build, interface):
        self._codes = {}
        sets = [s for s in build.error_sets if s is interface.errors or s.owner == "rpc"]
        for error_set in sorted(sets, key=lambda s: s.owner == "rpc"):
            for error in error_set.errors:
                made = type(error.name, (Error,), {"__doc__": error.message})
                self._codes[error.code] = made
                if not hasattr(self, error.name):      # the interface's own come first
                    setattr(self, error.name, made)
        self._names = {e.code: f"{s.owner}.{e.name}" for s in build.error_sets for e in s.errors}

    def of(self, errval):
        """The exception for an errval."""
        codes = []
        while errval:
            codes.append(errval & ((1 << CODE_BITS) - 1))
            errval >>= CODE_BITS
        names = [self._names.get(code, f"{code:#x}") for code in codes]
        found = self._codes.get(codes[0], Error)(" <- ".join(names))
        found.names = tuple(names)
        return found


class Binding(ump.Client):
    """One interface over a ring. The methods come from the interface."""

    def __init__(self, ring, build, interface, ring_bell, wait):
        self.errors = Errors(build, interface)
        super().__init__(ring, interface, ring_bell, wait)
        self.ordinals = {m.ordinal: m for m in interface.methods}

    def __getattr__(self, name):
        method = self.__dict__.get("methods", {}).get(name.rstrip("_"))
        if method is None or method.kind == "event":
            raise AttributeError(f"the interface has no method {name}")
        return lambda **values: self._run(method, _arguments(method, values))

    def _run(self, method, values):
        image = layout.request(method)
        images = [image] if method.kind == "oneway" else [image, layout.reply(method)]
        if method.window is not None or image.leases() or any(i.max_caps for i in images):
            raise Unsupported(method.name)
        words, _ = codec.encode(image, values)
        if method.kind == "oneway":
            return self._oneway(method, words)
        try:
            answer = self._transact(method.ordinal, words)
        except ump.RemoteError as error:
            raise self.errors.malformed() if error.errval is None else \
                self.errors.of(error.errval) from None
        results = codec.decode(layout.reply(method), answer)
        if not all(codec.holds(e, values, results) for e in method.ensures):
            raise self.errors.bad_reply(method.name)
        return SimpleNamespace(**{_python(name): value for name, value in results.items()})

    def _oneway(self, method, words):
        """Sends, and waits until the server has read a message that takes a slot."""
        header = self._header(method.ordinal, ump.ONEWAY, words) | \
            (1 << 15 if method.flexible else 0)
        if len(words) <= REG_WORDS:
            self._send(header, words)
            return
        self.generation = self.generation + 1 & 0x3ff
        header |= self.generation << ump.GEN_SHIFT
        self._send(header, words)
        done = ONEWAY_DONE | ump.CONTROL << ump.KIND_SHIFT
        while True:
            found = self._take()
            if found is None:
                continue
            if found[0] & 0x7fff == done and not (found[0] ^ header) & TXID_MASK:
                return
            self.others.append(found)

    def subscribe(self, name, wanted=True):
        """From now on the server sends this event, or no longer."""
        self._transact(0, [OP_SUBSCRIBE, self.methods[name].ordinal, int(wanted)])

    def events(self):
        """(name, values) of the events that have come; `lost` is true in `values` if older ones
        were dropped. Events that are malformed are passed over, as C does."""
        while True:
            found = self.ring.recv()
            if found is None:
                break
            self.others.append(found)
        some, self.others = self.others, []
        for header, words in some:
            method = self.ordinals.get(header & 0xfff)
            if header >> ump.KIND_SHIFT & 7 != ump.EVENT:
                continue
            slot = header >> ump.SLOT_SHIFT & SLOT_MASK
            self._send(self._header(EVENT_DONE, ump.CONTROL, []) | slot << ump.SLOT_SHIFT, [])
            try:
                values = codec.decode(layout.request(method), words)
            except codec.Malformed:
                continue
            if method.queue is not None:
                values["lost"] = bool(header & LOST)
            yield method.name, SimpleNamespace(**values)


class Process:
    """A server process and the binding to it, which is what `with` gives. `command` gets the path
    of the file with the two frames, the client's first; rings come to its standard input and go out
    on its standard output. It ends when the client has gone."""

    def __init__(self, command, path, context=(), interface=None):
        build, diags, _ = driver.compile_files([path], context)
        if diags:
            raise ValueError(diags.render())
        namespace = next(f.namespace for f in build.files if f.path == path)
        item = next(i for i in build.interfaces
                    if i.namespace == namespace and interface in (None, i.name))
        self.file = tempfile.TemporaryFile()
        self.file.truncate(2 * FRAME_BYTES)
        self.memory = memoryview(mmap.mmap(self.file.fileno(), 2 * FRAME_BYTES))
        self.process = subprocess.Popen(
            list(command) + [f"/dev/fd/{self.file.fileno()}"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, bufsize=0, pass_fds=[self.file.fileno()])
        ring = ump.Ring(self.memory[:FRAME_BYTES], self.memory[FRAME_BYTES:])
        self.binding = Binding(ring, build, item, self._ring, self._wait)

    def _ring(self):
        self.process.stdin.write(b"!")

    def _wait(self):
        if not self.process.stdout.read(64):
            raise ump.Gone("the server has ended")

    def __enter__(self):
        return self.binding

    def __exit__(self, *error):
        self.binding.close()
        self.process.stdin.close()
        status = self.process.wait(timeout=30)
        self.process.stdout.close()
        self.file.close()
        if status and error[0] is None:
            raise ump.Gone(f"the server ended with {status}")


def _python(name):
    return name + "_" if keyword.iskeyword(name) else name


def _arguments(method, values):
    """The values by the names of the parameters; TypeError as for a function of Python. What is
    optional may be left out."""
    given = dict(values)
    out = {}
    for param in method.params:
        if _python(param.name) in given:
            out[param.name] = given.pop(_python(param.name))
        elif isinstance(param.type, model.Optional_):
            out[param.name] = None
        else:
            raise TypeError(f"{method.name} lacks the argument {param.name}")
    if given:
        raise TypeError(f"{method.name} has no parameter {', '.join(given)}")
    return out
