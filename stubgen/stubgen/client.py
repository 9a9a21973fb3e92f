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

        ram = client.Cap("ram")                  # a capability: its kind and rights
        sink.cap_in(ram=ram)                     # moved: ram.gone
        sink.load(off=0, buf=100_000).buf        # `lend out`: the room for it; its bytes come back
        sink.store(name="", data=bytes(9000))    # `lend in`
        for item in sink.list(prefix="a", count=3): print(item.name)
        call = sink.begin("wait", key=1)         # begin, then call.result(), call.done(),
        call.result(seconds=0.5)                 # call.cancel(); errors.timeout, errors.again
        sink.deadline = 2.0                      # of calls and items, in seconds; None: no deadline

Values are those of codec.py. A name that is a word of Python takes a `_` behind it; a method with a
name of Binding's own is reached by `call("NAME", ...)`. A call returns its results by name; an
error is an exception of the class `errors.NAME`, all of them Error; an end of the server is
ump.Gone. What a method moves is gone whatever the call returns; what it borrows is taken back from
the server when the call ends, or is given up. The carrier is UMP (ump.py) over a file that both
processes have mapped (clientmem.py); doorbells are bytes in pipes.

Ends of channels are capabilities, too: `Process.channel()` makes both ends of one, `Process.bind(
end, "talk_seat")` a binding to who has or will have the other. One thread uses a process."""
import keyword
import select
import subprocess
import time
from types import SimpleNamespace

from . import codec, driver, layout, model, ump
from .clientcalls import NOW, Call, Calls
from .clientmem import CHANNEL_BYTES, Cap, Memory, Wire
from .clientstream import Stream

__all__ = ["Binding", "Call", "Cap", "Error", "Process", "Stream"]

OP_SUBSCRIBE = 4           # CHAN_OP_SUBSCRIBE
EVENT_DONE = 17            # CHAN_CONTROL_EVENT_DONE
LOST = 1 << ump.GEN_SHIFT
SLOT_MASK = 0x3f
CODE_BITS = 16
ERRORS_BITS = 6            # of a code: the error in its set
ALWAYS = "rpc"             # the set of the framework, whose errors every method may have


class Error(Exception):
    """What a server answered. `names`: the errors of the stack as `set.name`, newest first."""
    names = ()


class Errors:
    """The exception classes of an interface and of the framework, by the names of the errors."""

    def __init__(self, build, interface):
        self._codes = {}
        sets = [s for s in build.error_sets if s is interface.errors or s.owner == ALWAYS]
        for error_set in sorted(sets, key=lambda s: s.owner == ALWAYS):
            for error in error_set.errors:
                made = type(error.name, (Error,), {"__doc__": error.message})
                self._codes[error.code] = made
                if not hasattr(self, error.name):      # the interface's own come first
                    setattr(self, error.name, made)
        self._names = {e.code: f"{s.owner}.{e.name}" for s in build.error_sets for e in s.errors}
        self._always = next(s.id for s in build.error_sets if s.owner == ALWAYS)

    def of(self, method, errval):
        """The exception for an errval; bad_reply unless the method lists it."""
        codes, rest = [], errval
        while rest:
            codes.append(rest & ((1 << CODE_BITS) - 1))
            rest >>= CODE_BITS
        names = tuple(self._names.get(code, f"{code:#x}") for code in codes)
        listed = {ref.error.code for ref in method.fails} if method else set()
        if codes and (codes[0] in listed or codes[0] >> ERRORS_BITS == self._always):
            found = self._codes.get(codes[0], Error)(" <- ".join(names))
        else:
            names = (f"{ALWAYS}.bad_reply",) + names
            found = self.bad_reply(" <- ".join(names))
        found.names = names
        return found


class Binding(Calls):
    """One interface over a channel. The methods come from the interface."""

    def __init__(self, process, at, interface):
        self.errors = Errors(process.build, interface)
        self._ordinals = {m.ordinal: m for m in interface.methods}
        super().__init__(Wire(process.memory, at), interface, process.ring, process.wait)

    def __getattr__(self, name):
        method = self.__dict__.get("methods", {}).get(name.rstrip("_"))
        if method is None or method.kind == "event":
            raise AttributeError(f"the interface has no method {name}")
        return lambda **values: self._run(method, _arguments(method, values))

    def _run(self, method, values):
        if method.kind == "oneway":
            return self._oneway(method, values)
        if method.window is not None:
            return Stream(self, method, values)
        until = self._until()
        return Call(self, method, values, until, until).result()

    def call(self, name, /, **values):
        """What the method `name` returns: for names that the binding itself has."""
        return self._run(self.methods[name], _arguments(self.methods[name], values))

    def begin(self, name, /, **values):
        """The Call of a method that is not waited for. errors.again: too many are in flight, or too
        much is lent."""
        method = self.methods[name]
        return Call(self, method, _arguments(method, values), NOW, self._until())

    def subscribe(self, name, wanted=True):
        """From now on the server sends this event, or no longer."""
        self._transact(0, [OP_SUBSCRIBE, self.methods[name].ordinal, int(wanted)])

    def events(self):
        """(name, values) of the events that have come; `lost` is true in `values` if older ones
        were dropped. Events that are malformed are passed over, as C does."""
        self._poll()
        some, self.others = self.others, []
        for header, words in some:
            method = self._ordinals.get(header & 0xfff)
            slot = header >> ump.SLOT_SHIFT & SLOT_MASK
            self._send(self._header(EVENT_DONE, ump.CONTROL, []) | slot << ump.SLOT_SHIFT, [])
            try:
                values = codec.decode(layout.request(method), words)
            except codec.Malformed:
                continue
            if method.queue is not None:
                values["lost"] = bool(header & LOST)
            yield method.name, self._namespace(values)

    @staticmethod
    def _namespace(values):
        """Results by name."""
        return SimpleNamespace(**{_python(name): value for name, value in values.items()})


class Process:
    """A server process and the binding to it, which is what `with` gives. `command` gets the path
    of the file with the channels, of which the first is the binding's; rings come to its standard
    input and go out on its standard output. It ends when the client has gone."""

    def __init__(self, command, path, context=(), interface=None):
        self.build, diags, _ = driver.compile_files([path], context)
        if diags:
            raise ValueError(diags.render())
        namespace = next(f.namespace for f in self.build.files if f.path == path)
        item = next(i for i in self.build.interfaces
                    if i.namespace == namespace and interface in (None, i.name))
        self.memory = Memory(self.build.captypes)
        self.process = subprocess.Popen(
            list(command) + [self.memory.path()], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, bufsize=0, pass_fds=[self.memory.file.fileno()])
        self.binding = Binding(self, self.memory.take(CHANNEL_BYTES), item)

    def ring(self):
        """Wakes the server."""
        self.process.stdin.write(b"!")

    def wait(self, until=None):
        """Returns when rung, or at that time."""
        left = None if until is None else max(0, until - time.monotonic())
        if not select.select([self.process.stdout], [], [], left)[0]:
            return
        if not self.process.stdout.read(64):
            raise ump.Gone("the server has ended")

    def channel(self):
        """Both ends of a new channel: the client's, the server's. Either may be given away, or
        the client's be bound, before anybody has the other."""
        at = self.memory.take(CHANNEL_BYTES)
        return Cap("EndPoint", offset=at), Cap("EndPoint", offset=at)

    def bind(self, end, interface):
        """A binding over the client's end of a channel, which is gone then."""
        end.gone = True
        return Binding(self, end.offset, self.build.interface(interface))

    def __enter__(self):
        return self.binding

    def __exit__(self, *error):
        self.binding.close()
        self.process.stdin.close()
        status = self.process.wait(timeout=30)
        self.process.stdout.close()
        self.memory.file.close()
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
