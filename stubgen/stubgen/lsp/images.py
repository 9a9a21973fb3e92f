"""The word image of a method, as a reader wants it: which bits of which word are what."""
from .. import layout
from ..limits import WORD_BYTES


def describe(method):
    """Markdown lines of the messages of a call, oneway or event."""
    lines = _image("request" if method.kind == "call" else method.kind, layout.request(method))
    if method.kind == "call":
        lines += _image("reply" if method.window is None else "item", layout.reply(method))
    return lines


def describe_struct(struct):
    """The same of a struct, as an element of an array has it."""
    from .. import model
    image = layout.element_image(model.Named(struct), None)
    return _image("struct", image)


def _image(title, image):
    size = f"{image.min_words}" if image.min_words == image.max_words \
        else f"{image.min_words} to {image.max_words}"
    words = "word" if size == "1" else "words"
    head = f"{title}: {size} {words}"
    if image.max_caps:
        caps = f"{image.min_caps}" if image.min_caps == image.max_caps \
            else f"{image.min_caps} to {image.max_caps}"
        head += f", {caps} {'capability' if caps == '1' else 'capabilities'}"
    rows = []
    for item in sorted(image.items, key=lambda i: i.bit):
        last = item.shift() + item.bits - 1
        what = "" if item.role == "value" else f" ({item.role})"
        if item.role == "block":
            rows.append(f"word {item.word():3}+        {'.'.join(item.path)}: {item.count} of "
                        f"{item.stride} bytes")
            continue
        rows.append(f"word {item.word():3} {last:3}..{item.shift():<3}  "
                    f"{'.'.join(item.path)}{what}")
    for var in image.vars:
        rows.append(f"then, by words    {'.'.join(var.path)}: up to {var.max_words * WORD_BYTES} "
                    "bytes")
    for part in image.caps:
        rows.append(f"beside the words  {'.'.join(part.path)}")
    return [head] + rows
