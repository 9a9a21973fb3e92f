"""JSON-RPC 2.0 in the framing of the Language Server Protocol, version 3.17: a header
`Content-Length: N`, an empty line, N bytes of JSON."""
import json

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INTERNAL_ERROR = -32603
NOT_INITIALIZED = -32002
LENGTH_MAX = 1 << 26           # bytes of one message


class Writer:
    def __init__(self, stream):
        self.stream = stream

    def send(self, message):
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.stream.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        self.stream.flush()

    def reply(self, ident, result):
        self.send({"id": ident, "result": result})

    def fail(self, ident, code, text):
        self.send({"id": ident, "error": {"code": code, "message": text}})

    def notify(self, method, params):
        self.send({"method": method, "params": params})


def read_all(stream, writer):
    """Yields the messages of a stream until it ends. What is no JSON is answered and skipped; after
    a header without a length nothing makes sense any more."""
    while True:
        length = _length(stream)
        if length is None:
            return
        data = stream.read(length)
        if len(data) < length:
            return
        try:
            message = json.loads(data)
        except (ValueError, RecursionError) as error:
            writer.fail(None, PARSE_ERROR, f"not JSON: {error}")
            continue
        if not isinstance(message, dict):
            writer.fail(None, INVALID_REQUEST, "not an object")
            continue
        yield message


def _length(stream):
    """The length that a header tells; None at the end of the stream or if there is none."""
    length = None
    while True:
        line = stream.readline()
        if not line:
            return None
        line = line.strip()
        if not line:
            return length
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            if not value.strip().isdigit() or int(value) > LENGTH_MAX:
                return None
            length = int(value)
