"""What `caps --graph` draws: GRAPH0001.."""
import dataclasses
import re

import dot
import pytest
import session

KIB = 1024
LABEL = re.compile(r'(?:(?P<count>\d+) x )?(?P<type>[A-Z]\w+)'
                   r'(?: (?:(?P<base>0x[0-9a-f]+|0)|\d+(?: of core \d+)?))?'
                   r'(?: (?P<size>\d+) (?P<unit>[KMG])iB)?'
                   r'(?:\\n(?P<copies>\d+) capabilities)?(?:\\nowner: core (?P<owner>\d+))?')
NAME = re.compile(r'c(?P<core>\d+)_(?P<type>\w+?)_(?P<page>[0-9a-f]+)_(?P<pages>[0-9a-f]+)'
                  r'(?:_(?P<place>[0-9a-f]+))?')
# What exists at boot, or comes from another core; all else was made of something.
ROOTS = {'RAM', 'Frame', 'DevFrame', 'IRQTable', 'IRQDest', 'Kernel', 'KCB', 'Notify', 'PerfMon'}
CROSSING = {'RAM', 'Frame', 'DevFrame', 'IRQDest', 'Notify'}     # what several cores can know
# What other types can be made of (idl/abi/captypes.if), or mapped from.
PARENTS = {'RAM', 'Frame', 'DevFrame', 'IRQTable', 'Dispatcher',
           'VNodeL1', 'VNodeL2', 'VNodeL3'}


@dataclasses.dataclass
class Node:
    core: int
    type: str
    page: int
    pages: int
    count: int
    copies: int
    owner: int
    parent: object = None

    def is_same(self, other):
        return (self.type, self.page, self.pages) == (other.type, other.page, other.pages)

    def contains(self, other):
        return self.page <= other.page and other.page + other.pages <= self.page + self.pages


def read_node(name, attributes):
    label, said = LABEL.fullmatch(attributes['label']), NAME.fullmatch(name)
    assert label and said and label['type'] == said['type'], (name, attributes)
    core, page, pages = int(said['core']), int(said['page'], 16), int(said['pages'], 16)
    count = int(label['count'] or 1)
    if label['base']:
        assert int(label['base'], 16) == page * 4 * KIB and count == 1
    if label['size']:
        unit = {'K': KIB, 'M': KIB ** 2, 'G': KIB ** 3}[label['unit']]
        assert int(label['size']) * unit == pages * 4 * KIB
    node = Node(core, said['type'], page, pages, count, int(label['copies'] or count),
                int(label['owner'] or core))
    assert node.copies >= node.count >= 1
    assert (attributes.get('style') == 'dashed') == (node.owner != core)
    assert node.count == 1 or node.owner == core
    return node


def read_graph(text):
    """Nodes by name, and edges between cores. Parents are as they must be."""
    graph = dot.read(text)
    nodes = {name: read_node(name, attributes) for name, attributes in graph.nodes.items()}
    between = []
    for parent, child, attributes in graph.edges:
        a, b = nodes[parent], nodes[child]
        if attributes.get('style') == 'dashed':
            between.append((a, b))
            continue
        assert b.parent is None, f'{child} has two parents'
        assert a.core == b.core and a.type in PARENTS and not a.is_same(b)
        assert a.count > 1 or a.contains(b)
        assert b.count % a.count == 0
        b.parent = a
    return graph, nodes, between


def check_machine(nodes, between):
    for node in nodes.values():
        assert node.type in ROOTS or node.parent is not None, f'{node} was made of nothing'
        for other in nodes.values():
            if node.is_same(other) and node.type in CROSSING:
                assert node.owner == other.owner, (node, other)
    for a, b in between:
        assert a.owner == a.core == b.owner != b.core, (a, b)
        assert a.is_same(b) or (a.type == b.type == 'RAM' and a.parent is None and b.contains(a))
    for node in nodes.values():
        if node.owner != node.core:
            assert any(b is node for _, b in between), f'the owner of {node} has nothing'


# Each core's services are up when a program has run there.
STARTED = ['oncore 1 true', 'oncore 2 true', 'oncore 3 true']
TRIES = 5


def drawings(result, skip):
    """Those of the last commands, of which each draws."""
    texts = re.split(r'^(?=digraph )', result.stdout, flags=re.M)[1:]
    assert len(texts) == len(result.statuses) - skip and not any(result.statuses)
    return texts


def settled(texts):
    """The first drawing during which nothing changed. The others are DOT with parents, too: what a
    moving machine may miss is the other side of what has crossed meanwhile."""
    graphs = [read_graph(text) for text in texts]
    for at, (graph, nodes, between) in enumerate(graphs):
        try:
            check_machine(nodes, between)
        except AssertionError:
            if at == len(graphs) - 1:
                raise
        else:
            return graph, nodes, between
    return None


def test_graph0001_the_machine(run):
    """One node for each object on each core that knows it, each in the cluster of its core; what
    several cores know has one owner, from which edges go to the others."""
    result = run(*STARTED, *['caps --graph --machine'] * TRIES, smp=4)
    graph, nodes, between = settled(drawings(result, len(STARTED)))
    assert {graph.cluster[name] for name in nodes} == {f'cluster_{core}' for core in range(4)}
    assert all(graph.cluster[name] == f'cluster_{node.core}' for name, node in nodes.items())
    assert {graph.labels[f'cluster_{core}', 'label'] for core in range(4)} == {
        f'core {core}' for core in range(4)}
    assert any(node.count > 9 for node in nodes.values())
    for core in range(1, 4):
        pool = [(a, b) for a, b in between if a.core == core and a.type == b.type == 'RAM']
        assert pool and all(b.core == 0 for _, b in pool)
        assert any(a.core == 0 and b.core == core and b.type == 'Frame' for a, b in between)
        assert any(n.core == core and n.type == 'Kernel' for n in nodes.values())
    assert 'IRQTable' in {node.type for node in nodes.values()}


def total(nodes, core, what):
    sums = {}
    for node in nodes:
        if node.core == core:
            sums[node.type] = sums.get(node.type, 0) + getattr(node, what)
    return sums


def test_graph0002_nothing_is_missing(run):
    """As many objects and capabilities as the kernel counts; folded as many as not."""
    look = ['caps', 'caps --graph --machine', 'caps --graph --machine --all']
    result = run(*look, *look, 'caps')
    texts = re.split(r'^(?=digraph |TYPE )', result.stdout, flags=re.M)[1:]
    folded, each = [read_graph(text)[1].values() for text in texts[4:6]]
    rows = [line.split() for line in texts[6].splitlines()[1:-2]]
    assert all(node.count == 1 for node in each) and len(folded) < 0.8 * len(each)
    channel = {'EndPoint': 2, 'Frame': 1, 'Mapping': 2}      # to the monitor, for drawing
    for column, what in ((3, 'count'), (2, 'copies')):
        counted = {row[0]: int(row[column]) + channel.get(row[0], 0) for row in rows}
        assert total(folded, 0, what) == total(each, 0, what) == counted


def test_graph0003_processes(build):
    """The shell, a child, and init, which has what it got from the init of another core. A process
    of another core: DCAP0120."""
    with session.Session(build, '--smp', '2') as shell:
        for _ in range(2):               # then the log of core 1 has come to its end
            shell.run('oncore 1 true')
        job = re.search(r'\] (\d+)', shell.run('fault hang &'))[1]
        own = [read_graph(shell.run('caps --graph --all'))[1].values() for _ in range(2)][1]
        listed = re.findall(r'^0x\w+ (\w+) ', shell.run('caps -a'), re.M)
        assert total(own, 0, 'copies') == {kind: listed.count(kind) for kind in set(listed)}
        child = read_graph(shell.run(f'caps --graph {job}'))[1].values()
        assert shell.status == 0 and total(child, 0, 'count')['VNodeL0'] == 1
        assert {node.type for node in child} < {node.type for node in own}
        init = read_graph(shell.run('caps --graph 0'))[1].values()
        assert {'Kernel', 'IRQTable', 'KCB'} <= {node.type for node in init}
        assert {node.owner for node in init} == {0, 1}


def test_graph0004_only_who_may_end_it(run):
    """Looking is refused as ending is; and there is an error for what is not there."""
    result = run('caps --graph 4711', 'caps --graph x', 'caps --graph --machine Nothing',
                 'caps --graph --machine --machine', 'ifcall process.capabilities pid=2 from=0',
                 'ifcall process.capabilities pid=0 from=0')
    assert result.statuses == [1, 2, 2, 2, 1, 1]
    assert 'no such process' in result.stderr and 'digraph' not in result.stdout
    assert len(re.findall('this domain may not do this to the process', result.stderr)) == 2


@pytest.mark.parametrize('types', [['RAM'], ['Frame', 'RAM'], ['Dispatcher']])
def test_graph0005_some_types(run, types):
    nodes = read_graph(run('caps --graph --machine --all ' + ' '.join(types)).stdout)[1]
    assert {node.type for node in nodes.values()} == set(types)


@pytest.mark.parametrize('text', [
    'digraph {', 'graph x {}', 'digraph {a -> }', 'digraph {a [b] }', 'digraph {a; a}',
    'digraph {a -> b; a}', 'digraph {"a}', 'digraph {a} b', 'digraph {node}x', 'digraph {1a: 2}'])
def test_graph0006_the_reader_is_strict(text):
    with pytest.raises(ValueError):
        dot.read(text)
