"""What csrc/xla_ffi.hpp declares of XLA's interface is what the installed jaxlib has."""

from __future__ import annotations

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

HEADER = Path(__file__).resolve().parents[2] / "csrc" / "xla_ffi.hpp"

# Ours and XLA's; for the structures their members in turn. Those that end with "more" may have
# others after them.
STRUCTURES = {
    ("Extension", "Extension_Base"): "struct_size type next",
    ("Version", "Api_Version"): (
        "struct_size extension=extension_start major_version minor_version"
    ),
    ("ErrorCreation", "Error_Create_Args"): (
        "struct_size extension=extension_start message code=errc"
    ),
    ("Functions", "Api"): (
        "struct_size extension=extension_start version=api_version internal=internal_api"
        " create_error=XLA_FFI_Error_Create more"
    ),
    ("Metadata", "Metadata"): "struct_size version=api_version traits more",
    ("MetadataExtension", "Metadata_Extension"): "base=extension_base metadata",
    ("Buffer", "Buffer"): ("struct_size extension=extension_start type=dtype data rank shape=dims"),
    ("Scalar", "Scalar"): "type=dtype value",
    ("Text", "ByteSpan"): "begin=ptr size=len",
    ("Buffers", "Args"): "struct_size extension=extension_start count=size types each=args",
    ("Buffers", "Rets"): "struct_size extension=extension_start count=size types each=rets",
    ("Attributes", "Attrs"): (
        "struct_size extension=extension_start count=size types names each=attrs"
    ),
    ("CallFrame", "CallFrame"): (
        "struct_size extension=extension_start functions=api context=ctx stage arguments=args"
        " results=rets attributes=attrs more"
    ),
}
CONSTANTS = {
    "ErrorCode::invalid_argument": "Error_Code_INVALID_ARGUMENT",
    "ErrorCode::resource_exhausted": "Error_Code_RESOURCE_EXHAUSTED",
    "ErrorCode::internal": "Error_Code_INTERNAL",
    "ErrorCode::unavailable": "Error_Code_UNAVAILABLE",
    "DataType::boolean": "DataType_PRED",
    "DataType::whole_number": "DataType_S64",
    "DataType::single_precision": "DataType_F32",
    "DataType::double_precision": "DataType_F64",
    "Stage::execute": "ExecutionStage_EXECUTE",
    "AttributeType::scalar": "AttrType_SCALAR",
    "AttributeType::string": "AttrType_STRING",
    "ArgumentType::buffer": "ArgType_BUFFER",
    "ArgumentType::buffer ": "RetType_BUFFER",
    "ExtensionType::metadata": "Extension_Metadata",
    "major_version": "API_MAJOR",
}


def program(wrong: str = "") -> str:
    """A program that compiles only if both agree."""
    lines = [
        "#include <type_traits>",
        f'#include "{HEADER}"',
        '#include "xla/ffi/api/c_api.h"',
        "namespace ours = elman::xla;",
        "static_assert(XLA_FFI_API_MINOR >= ours::first_minor_version);",
    ]
    for (own, theirs), members in STRUCTURES.items():
        *names, last = members.split()
        names += [] if last == "more" else [last]
        for name in names:
            mine, _, other = name.partition("=")
            one, two = f"ours::{own}", f"XLA_FFI_{theirs}"
            other = other or mine
            lines += [
                f"static_assert(offsetof({one}, {mine}) == offsetof({two}, {other}));",
                f"static_assert(sizeof({one}::{mine}) == sizeof({two}::{other}));",
            ]
        if last != "more":
            lines.append(f"static_assert(sizeof({one}) == sizeof({two}));")
    for own_value, value in CONSTANTS.items():
        lines.append(f"static_assert(int(ours::{own_value}) == int(XLA_FFI_{value}));")
    return "\n".join([*lines, wrong, ""])


def compiled(source: str, folder: Path) -> subprocess.CompletedProcess[str]:
    jaxlib = find_spec("jaxlib")
    if jaxlib is None or jaxlib.origin is None:
        pytest.skip("jaxlib is not installed")
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    file = folder / "layout.cpp"
    file.write_text(source)
    command = [compiler, "-std=c++17", "-fsyntax-only", str(file)]
    command += ["-I", str(Path(jaxlib.origin).parent / "include")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_declarations_are_those_of_jaxlib(tmp_path: Path) -> None:
    ran = compiled(program(), tmp_path)
    assert ran.returncode == 0, ran.stderr[-3000:]


def test_a_difference_would_be_found(tmp_path: Path) -> None:
    wrong = "static_assert(sizeof(ours::Buffer) == sizeof(XLA_FFI_CallFrame));"
    assert compiled(program(wrong), tmp_path).returncode != 0
