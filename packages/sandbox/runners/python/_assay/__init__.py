"""The Python front end of every sandbox lane: how a program is prepared, run, ended and reported.

`program` runs one program or notebook cell, `notebook` knows what notebooks add to Python, `figures` turns what a program shows into
files, `ending` does what the interpreter does at its end. Lanes bring the transport: `channel` and `cell.py` natively, `wasm_cell`
inside WebAssembly. The package has a private name, so that a program may bring modules called `program` or `network`.
"""
