"""What notebooks add to Python: the value of a last expression, top-level await, and lines for the notebook itself."""

import ast
import re
import sys

FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
CO_COROUTINE = 0x80
NOTEBOOK_LINE = re.compile(r"(\s*)(%{1,2}[a-z]|![a-z./])")


def evaluate(source, filename, names):
    """Runs the program; gives the value of its last statement when that is an expression without a semicolon behind it."""
    tree = parse(source, filename)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    silent = source.rstrip().endswith(";")
    body = compile(tree, filename, "exec", FLAGS, dont_inherit=True)
    tail = None if last is None else compile(ast.Expression(last.value), filename, "eval", FLAGS, dont_inherit=True)
    parts = [part for part in (body, tail) if part is not None]
    if any(part.co_flags & CO_COROUTINE for part in parts):
        import asyncio

        value = asyncio.run(step_through(parts, names))
    else:
        for part in parts:
            value = eval(part, names)
    return None if tail is None or silent else value


async def step_through(parts, names):
    """Runs compiled parts of which at least one awaits something."""
    value = None
    for part in parts:
        value = eval(part, names)
        if part.co_flags & CO_COROUTINE:
            value = await value
    return value


def parse(source, filename):
    """The program's syntax tree. Lines for the notebook itself are left out, and said to be, where Python cannot read them."""
    try:
        return to_tree(source, filename)
    except SyntaxError:
        plain, left_out = without_notebook_lines(source)
        if not left_out:
            raise
        try:
            tree = to_tree(plain, filename)
        except SyntaxError:
            tree = None
        if tree is None:
            raise
    for number, line in left_out:
        print("line %d left out, it is for notebooks: %s" % (number, line), file=sys.stderr)
    return tree


def to_tree(source, filename):
    return compile(source, filename, "exec", FLAGS | ast.PyCF_ONLY_AST, dont_inherit=True)


def without_notebook_lines(source):
    """The source with `%magic` and `!command` lines as `pass`, and those lines as (number, text). Lines keep their numbers."""
    lines = source.split("\n")
    left_out = []
    for index, line in enumerate(lines):
        found = NOTEBOOK_LINE.match(line)
        if found is not None:
            left_out.append((index + 1, line.strip()))
            lines[index] = found.group(1) + "pass"
    return "\n".join(lines), left_out
