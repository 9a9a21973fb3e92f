"""The shuffler changes every number it should, and nothing else."""
import random
import re
import shutil

import permute
import tutorial

TEXT = '''/// An id 7; and call x @9 in a comment.
interface one {
  id 0x010; version 1;
  error { a = 1 "is; = 1 \\"x"; b = 2 "b"; }
  struct S {
    /// First.
    x: u8; y: u16[3];
    z: u32;
  }
  call c @1 (s: S) -> (n: u8) fails a;
  oneway d @2 ();
  event e @3 (v: u8) queue 3;
}
'''
OTHER = 'interface two { id 0x011; }\n'
ERRORS = 'errors sys { id 1; no = 1 "n"; none = 2 "o"; }\nerrors lib { id 2; x = 1 "x"; }\n'


def numbers(text):
    return sorted(re.findall(r'\d+', text))


def test_har0090_everything_moves_and_nothing_is_lost():
    for seed in range(20):
        new = permute.shuffle_file(TEXT, random.Random(seed))
        assert sorted(new.split()) != [] and numbers(new) == numbers(TEXT)
        for line in ('/// An id 7; and call x @9 in a comment.', '  id 0x010; version 1;'):
            assert line in new
        assert 'a = 2 "is; = 1 \\"x"; b = 1 "b"' in new
        ordinals = [int(n) for n in re.findall(r'(?:call c|oneway d|event e) @(\d)', new)]
        assert sorted(ordinals) == [1, 2, 3] and ordinals != [1, 2, 3]
        fields = re.findall(r'(?:\b[xyz]): u', new)
        assert sorted(fields) == ['x: u', 'y: u', 'z: u'] and fields != ['x: u', 'y: u', 'z: u']
        assert re.search(r'/// First\.\s+x: u8;', new)


def test_har0091_ids_stay_in_their_class():
    texts = permute.shuffle_ids({'a': TEXT, 'b': OTHER, 'c': ERRORS}, random.Random(0))
    assert 'id 0x011; version' in texts['a'] and 'id 0x010' in texts['b']
    assert 'sys { id 2;' in texts['c'] and 'lib { id 1;' in texts['c']


def test_har0092_the_real_tree(tmp_path):
    shutil.copytree(tutorial.ROOT / 'idl', tmp_path / 'idl')
    count = len(list((tmp_path / 'idl').rglob('*.if')))
    before = {p: p.read_text() for p in (tmp_path / 'idl').rglob('*.if')}
    assert permute.shuffle_tree(tmp_path / 'idl', 1) >= count - 1
    for path, text in before.items():
        assert numbers(path.read_text()) == numbers(text) or 'id' in text
