"""Runs a function once, right after a named module has been imported."""

import sys

_waiting = {}


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name not in _waiting:
            return None
        action = _waiting.pop(name)
        spec = None
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    break
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            action(module)

        spec.loader.exec_module = exec_module
        return spec


def call(name, action):
    if name in sys.modules:
        action(sys.modules[name])
        return
    if not _waiting and not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())
    _waiting[name] = action


__all__ = ["call"]
