"""The runner of tutorials does what the page says and notices when it is not so."""
import tutorial

PAGE = '''# A page

    not a block

1. First:

   ```c
   /* a/x.c */
   int x;
     int y;
   ```

2. Then:

```sh
cat a/x.c | tail -n 1
echo hello
```
```output
  int y;
hello
```

```text
this is for the reader
```
'''


def follow(tmp_path, page):
    (tmp_path / 'a').mkdir(exist_ok=True)
    return tutorial.follow(page, tmp_path)


def test_har0100_a_page_is_followed(tmp_path):
    assert follow(tmp_path, PAGE) is None
    assert (tmp_path / 'a/x.c').read_text() == '/* a/x.c */\nint x;\n  int y;\n'


def test_har0101_other_output_is_noticed(tmp_path):
    problem = follow(tmp_path, PAGE.replace('\nhello\n```', '\nhullo\n```'))
    assert 'line 19: expected' in problem and 'hullo' in problem


def test_har0102_a_failing_command_is_noticed(tmp_path):
    assert 'status 1' in follow(tmp_path, '```sh\nfalse\ntrue\n```\n')
    assert 'status' in follow(tmp_path, '```sh\necho $UNSET_VARIABLE\n```\n')


def test_har0103_files_only_where_there_is_a_folder(tmp_path):
    assert 'no folder' in follow(tmp_path, '```c\n// b/y.c\n```\n')


def test_har0104_blocks_have_lines():
    assert [(b.line, b.kind, b.path) for b in tutorial.blocks(PAGE)] == [
        (7, 'c', 'a/x.c'), (15, 'sh', None), (19, 'output', None), (24, 'text', None)]
