"""Compiles Python files named on standard input; run as a plain script, by an interpreter that knows nothing else.

python -P -s -S compiling.py FOLDER_IN_THE_IMAGE < names    (PYTHONHASHSEED=0; the current folder holds the files)

What `marshal` writes depends on which strings the process has seen before and how often an object is referred to. So
the order of files, and which of them one process compiles, are part of the result, and nothing else may be imported.
"""

import py_compile
import sys


def main(prefix: str) -> None:
    """Write each file's bytecode beside it, valid whatever the file's time; one with a syntax of its own has none."""
    for name in sys.stdin.read().splitlines():
        folder, _, file = name.rpartition("/")
        at = f"{folder}/__pycache__" if folder else "__pycache__"
        try:
            py_compile.compile(
                name,
                cfile=f"{at}/{file.removesuffix('.py')}.{sys.implementation.cache_tag}.pyc",
                dfile=f"{prefix}/{name}",
                doraise=True,
                optimize=0,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
        except py_compile.PyCompileError:
            continue


if __name__ == "__main__":
    main(sys.argv[1])
