"""Long C lists, broken at the column limit."""

COLUMNS = 100


def wrap(head, items, tail, separator=", ", indent="    "):
    """head + items joined + tail, continued on indented lines where a line gets too long."""
    lines, line = [], head
    for index, item in enumerate(items):
        last = index == len(items) - 1
        piece = item + (tail if last else separator.rstrip())
        if index == 0:
            line += piece
        elif len(line) + 1 + len(piece) > COLUMNS:
            lines.append(line)
            line = indent + piece
        else:
            line += " " + piece
    return "\n".join(lines + [line if items else head + tail])


def comment(lines, indent=""):
    """A block comment, or nothing for no lines."""
    if not lines:
        return ""
    out, text = [], indent + "/*"
    for source in lines:
        words = source.split() or [""]
        if out or text != indent + "/*":
            out.append(text)
            text = indent + " *"
        for word in words:
            if len(text) + 1 + len(word) > COLUMNS - 3:
                out.append(text)
                text = indent + " *"
            text += " " + word.replace("*/", "* /")
    return "\n".join(out + [text + " */"]) + "\n"
