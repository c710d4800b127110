"""Figures that a program shows, leaves open, or has as its last value become PNG files: there is no window here.

A figure that the program saved itself is not saved twice.
"""

import functools
import itertools
import os
import sys
import weakref

from . import imports

FIGURE = "figure-%d.png"
IMAGE = "output-%d.png"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
HOME = os.environ.get("HOME", "/tmp")
_saved = weakref.WeakSet()
_save = None


def install():
    """Takes effect when the program imports matplotlib."""
    imports.call("matplotlib.pyplot", take_over)


def take_over(pyplot):
    """Puts saving in the place of showing."""
    global _save
    figure_class = sys.modules["matplotlib.figure"].Figure
    _save = figure_class.savefig

    @functools.wraps(_save)
    def savefig(self, *arguments, **options):
        result = _save(self, *arguments, **options)
        _saved.add(self)
        return result

    @functools.wraps(pyplot.show)
    def show(*_, **__):
        keep_open()

    figure_class.savefig = savefig
    figure_class.show = lambda self, warn=True: keep(self)
    pyplot.show = show


def keep_open():
    """Saves and closes every open figure, as a closed window would leave them."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if _save is None or pyplot is None:
        return
    try:
        for number in pyplot.get_fignums():
            keep(pyplot.figure(number))
        pyplot.close("all")
    except Exception as fault:
        complain(fault)
    _saved.clear()


def keep_value(value):
    """Saves the program's last value if it is a figure or an image (`_repr_png_`, as notebooks have it)."""
    if _save is not None and isinstance(value, sys.modules["matplotlib.figure"].Figure):
        keep(value)
        return
    draw = getattr(type(value), "_repr_png_", None)
    if not callable(draw):
        return
    try:
        image = draw(value)
        if isinstance(image, bytes) and image.startswith(PNG_SIGNATURE):
            with open(free_path(IMAGE), "xb") as file:
                file.write(image)
    except Exception as fault:
        complain(fault)


def keep(figure):
    """Saves one figure that has something on it and was not saved yet."""
    background_only = len(figure.get_children()) <= 1
    if figure in _saved or background_only:
        return
    try:
        _save(figure, free_path(FIGURE))
        _saved.add(figure)
    except Exception as fault:
        complain(fault)


def free_path(pattern):
    """The first path of this pattern next to the program that is not taken."""
    for number in itertools.count(1):
        path = os.path.join(HOME, pattern % number)
        if not os.path.lexists(path):
            return path


def complain(fault):
    print("a figure could not be saved: %s: %s" % (type(fault).__name__, fault), file=sys.stderr)
