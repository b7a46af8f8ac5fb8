"""The package's layout: one way through it, nothing heavy imported, all that is public told."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import elman

PACKAGE = Path(elman.__file__).parent

# The path of the data, with what each stretch of it rests on. A module imports only from its own
# unit and from earlier ones. The walk of a cell stands before the layers that call it, and the
# loss and the update before the training and the network that call them.
ORDER = (
    ("errors", "checks", "counting", "digits", "buffers", "config"),
    ("cells", "backends", "sequence"),
    ("data", "datasets"),
    ("layers", "parameters", "state", "summary"),
    ("losses", "measures", "schedules", "optimizers", "bptt", "recording"),
    ("history", "progress", "training"),
    ("pipeline", "prediction", "sensitivity", "fitting"),
    ("saving", "streaming", "crossing", "network"),
    ("evaluate", "plots", "places", "runs", "report"),
    ("tasks",),
    ("torch", "keras", "exchange"),
    ("cli", "__main__"),
)
PLACE = {unit: place for place, unit in enumerate(unit for row in ORDER for unit in row)}


def modules() -> dict[str, Path]:
    """Every module of the package by its name within it, the package itself left out."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = file
    return found


def imports(file: Path) -> Iterator[str]:
    """What a file imports of the package, inside functions too, but not for types alone."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import, expected the full name"
            if node.module == "elman":
                yield from (alias.name for alias in node.names)
            elif node.module is not None and node.module.startswith("elman."):
                module = node.module.removeprefix("elman.")
                yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                assert not alias.name.startswith("elman"), f"{file}: expected `from elman ...`"


def links() -> dict[str, set[str]]:
    """Every module, and the modules of the package that it imports."""
    known = modules()
    graph: dict[str, set[str]] = {}
    for name, file in known.items():
        targets = set()
        for imported in imports(file):
            module = imported if imported in known else imported.rpartition(".")[0]
            if module in known and module != name:
                targets.add(module)
        graph[name] = targets
    return graph


def test_every_module_has_its_place() -> None:
    units = {name.split(".")[0] for name in modules()}
    assert units <= set(PLACE), "give a new module its place in ORDER"


def test_a_module_imports_only_from_earlier_on_the_path() -> None:
    backwards = [
        f"{name} imports {target}"
        for name, targets in links().items()
        for target in sorted(targets)
        if PLACE[target.split(".")[0]] > PLACE[name.split(".")[0]]
    ]
    assert backwards == []


def test_no_modules_import_each_other() -> None:
    # A package's own __init__ hands on the names of its modules, which may not ask it for them.
    graph = links()
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path, name])
        if name not in done:
            for target in graph[name]:
                visit(target, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_importing_elman_and_a_network_imports_numpy_alone() -> None:
    heavy = ["polars", "pandas", "pyarrow", "narwhals", "plotly", "rich", "typer", "jinja2"]
    heavy += ["safetensors", "sklearn", "torch", "scipy", "keras", "onnx", "onnxruntime"]
    code = (
        "import sys, elman; elman.Network; elman.RNN; elman.Adam; elman.load;"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_typing_information_is_shipped() -> None:
    assert (PACKAGE / "py.typed").is_file()


# ------------------------------------------------------------------------ what is public is told

PUBLIC = [name for name in elman.__all__ if inspect.isclass(getattr(elman, name))]
FUNCTIONS = [name for name in elman.__all__ if inspect.isfunction(getattr(elman, name))]


def told(name: str, thing: Any, doc: str) -> None:
    """Every parameter of a callable stands in a documentation, each under its own name."""
    for parameter in inspect.signature(thing).parameters.values():
        if parameter.name in ("self", "cls") or parameter.name.startswith("_"):
            continue
        pattern = rf"(^|\W){re.escape(parameter.name)}\W"
        assert re.search(pattern, doc), f"{name}: {parameter.name!r} is not documented"


def arguments(doc: str) -> list[str]:
    """The names under ``Args:``."""
    match = re.search(r"\nArgs:\n(.*?)(\n\S|\Z)", inspect.cleandoc(doc), re.DOTALL)
    names = re.findall(r"^    \*{0,2}(\w+):", match[1], re.MULTILINE) if match else []
    return [str(name) for name in names]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_classes_are_documented_with_every_argument(name: str) -> None:
    kind = getattr(elman, name)
    assert "__doc__" in vars(kind) and kind.__doc__
    if inspect.isfunction(kind.__init__):
        told(name, kind.__init__, kind.__doc__)
        known = set(inspect.signature(kind.__init__).parameters)
        assert set(arguments(kind.__doc__)) <= known, f"{name}: an argument that is none"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_functions_are_documented_with_every_argument(name: str) -> None:
    function = getattr(elman, name)
    assert function.__doc__
    told(name, function, function.__doc__)


# the public classes, and the bases that some of their methods are written in
WRITTEN = {
    base
    for name in PUBLIC
    for base in getattr(elman, name).__mro__
    if base.__module__.startswith("elman.")
}


@pytest.mark.parametrize("kind", sorted(WRITTEN, key=lambda kind: kind.__qualname__))
def test_public_methods_are_documented_with_every_argument(kind: type) -> None:
    name = kind.__name__
    for label, member in vars(kind).items():
        function = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
        function = function.fget if isinstance(function, property) else function
        if label.startswith("_") or not inspect.isfunction(function):
            continue
        assert function.__doc__, f"{name}.{label} has no documentation"
        referred = re.search(r":meth:`|\bsee :class:`", function.__doc__)
        if referred or any(hasattr(base, label) for base in kind.__bases__):
            continue  # told there
        told(f"{name}.{label}", function, function.__doc__)
        unknown = set(arguments(function.__doc__)) - set(inspect.signature(function).parameters)
        assert not unknown, f"{name}.{label}: {unknown} is no argument"
