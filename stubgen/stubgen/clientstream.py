"""Streams of a client in Python (client.py). What C does with them stands in
libaos/chan/binding_stream.c."""
from . import layout
from .clientcalls import MORE, NOW

STREAM_SLOT = 4            # CHAN_STREAM_SLOT: streams have the slots from here on
CREDIT = 19                # CHAN_CONTROL_CREDIT


class Stream:
    """The items of a call with a stream, each by the names of its fields; an error at the end is
    raised. An item that does not come within the binding's deadline is errors.timeout, after which
    the stream may be read on. To be closed, or read to its end."""

    def __init__(self, binding, method, values):
        self.binding, self.method = binding, method
        self.items, self.credits = [], 0
        self.image = layout.item(method)
        self.is_broken = False
        self.pending, _ = binding._request(method, values, STREAM_SLOT, NOW)
        self.pending.stream = self

    def item(self, header, words, caps):
        """What has come. More than the window, or in pieces: the server breaks the rules."""
        if len(self.items) + self.credits >= self.method.window or header & MORE or \
                self.pending.answer is not None:
            self._break()
        else:
            self.items.append((words, caps))

    def _break(self):
        """Nothing more is taken of it."""
        self.is_broken = True
        if self.pending is not None:
            self.binding._finish(self.pending)
            self.pending = None

    def ready(self):
        """Would the next item, or the end, be there at once?"""
        return bool(self.items) or self.pending is None or self.pending.answer is not None

    def __iter__(self):
        return self

    def __next__(self):
        if not self.binding._wait_for(self.ready, self.binding._until()):
            raise self.binding.errors.timeout()
        self.binding._poll()           # before it gives credits for more
        if self.items:
            return self._pop()
        if self.is_broken:
            self.is_broken = False
            raise self.binding.errors.bad_reply(self.method.name)
        pending, self.pending = self.pending, None
        if pending is None:
            raise StopIteration
        self.binding._finish(pending)
        header, words = pending.answer
        self.binding._check_answer(self.method, header, words)
        if words or pending.caps:
            raise self.binding.errors.bad_reply(self.method.name)
        raise StopIteration

    def _pop(self):
        words, caps = self.items.pop(0)
        self.credits += 1
        has_ended = self.pending is None or self.pending.answer is not None
        if not has_ended and (not self.items or self.credits >= (self.method.window + 1) // 2):
            self.binding._control(CREDIT, self.pending, [self.credits])
            self.credits = 0
        try:
            return self.binding._namespace(self.binding._read(self.image, words, caps))
        except self.binding.errors.bad_reply:
            self._break()
            self.is_broken = False
            self.items.clear()
            raise

    def close(self):
        """The server is told that nobody reads on."""
        if self.pending is not None:
            self.binding._finish(self.pending)
            self.pending = None
        self.items.clear()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
