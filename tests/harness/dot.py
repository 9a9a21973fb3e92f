"""Reads DOT, the language of Graphviz, strictly: what is not in the grammar of
https://graphviz.org/doc/info/lang.html is an error. Left out of it: HTML strings, ports, comments,
undirected graphs, and subgraphs as ends of edges."""
import dataclasses
import re

TOKEN = re.compile(r'\s*(?:(?P<id>[A-Za-z_\x80-\xff][\w\x80-\xff]*|-?(?:\.\d+|\d+(?:\.\d*)?))'
                   r'|"(?P<text>(?:[^"\\\n]|\\.)*)"|(?P<mark>->|[{}\[\];,=]))', re.A)
KEYWORDS = ('node', 'edge', 'graph', 'digraph', 'subgraph', 'strict')


@dataclasses.dataclass
class Graph:
    """`nodes`: attributes of each; `cluster`: the subgraph that it was declared in, '' for none;
    `edges`: (from, to, attributes). An end of an edge that was not declared is an error."""
    name: str = ''
    nodes: dict = dataclasses.field(default_factory=dict)
    cluster: dict = dataclasses.field(default_factory=dict)
    edges: list = dataclasses.field(default_factory=list)
    labels: dict = dataclasses.field(default_factory=dict)    # of clusters


class Reader:
    def __init__(self, text):
        self.tokens, at = [], 0
        text = text.rstrip()
        while at < len(text):
            match = TOKEN.match(text, at)
            if match is None:
                raise ValueError(f'not DOT: {text[at:at + 40]!r}')
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        self.tokens.append(('end', ''))
        self.graph = Graph()

    def is_next(self, *words):
        return self.tokens[0] in [('mark' if not w[0].isalpha() else 'id', w) for w in words]

    def take(self, *words):
        if words and not self.is_next(*words):
            raise ValueError(f'{words} expected, not {self.tokens[0]}')
        return self.tokens.pop(0)[1]

    def name(self):
        kind, word = self.tokens.pop(0)
        if kind not in ('id', 'text') or (kind == 'id' and word.lower() in KEYWORDS):
            raise ValueError(f'a name expected, not {word!r}')
        return word

    def attributes(self):
        found = {}
        while self.is_next('['):
            self.take()
            while not self.is_next(']'):
                key = self.name()
                self.take('=')
                found[key] = self.name()
                if self.is_next(',', ';'):
                    self.take()
            self.take()
        return found

    def statement(self, cluster):
        if self.is_next('node', 'edge', 'graph'):
            self.take()
            self.attributes()
        elif self.is_next('subgraph'):
            self.take()
            self.statements(self.name())
        else:
            names = [self.name()]
            if self.is_next('='):
                self.take()
                self.graph.labels[cluster, names[0]] = self.name()
                return
            while self.is_next('->'):
                self.take()
                names.append(self.name())
            given = self.attributes()
            if len(names) > 1:
                self.graph.edges += [(a, b, given) for a, b in zip(names, names[1:])]
            elif names[0] in self.graph.nodes:
                raise ValueError(f'{names[0]} is declared twice')
            else:
                self.graph.nodes[names[0]] = given
                self.graph.cluster[names[0]] = cluster

    def statements(self, cluster):
        self.take('{')
        while not self.is_next('}'):
            self.statement(cluster)
            if self.is_next(';'):
                self.take()
        self.take()


def read(text):
    """The graph in `text`. ValueError: it is none."""
    reader = Reader(text)
    reader.take('digraph')
    reader.graph.name = '' if reader.is_next('{') else reader.name()
    reader.statements('')
    if reader.tokens[0][0] != 'end':
        raise ValueError(f'{reader.tokens[0]} after the end')
    for edge in reader.graph.edges:
        for end in edge[:2]:
            if end not in reader.graph.nodes:
                raise ValueError(f'an edge to {end}, which is not declared')
    return reader.graph
