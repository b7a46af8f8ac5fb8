// What this core reads and writes of XLA's foreign-function interface, a plain C interface that XLA
// keeps stable so that programs need not be built against it: jaxlib, and its headers, are no part
// of this build. From xla/ffi/api/c_api.h as jaxlib 0.10 has it, interface 0.3; what stands here is the
// same in 0.1, that of jaxlib 0.5. tests/neighbours/test_keras_on_jax_interface.py holds it against
// the header of the jaxlib that is installed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace elman::xla {

constexpr int major_version = 0, first_minor_version = 1, latest_minor_version = 3;

struct Error;  // XLA's own

enum class ErrorCode : int32_t { invalid_argument = 3, resource_exhausted = 8, internal = 13, unavailable = 14 };

enum class DataType : int32_t { boolean = 1, whole_number = 5, single_precision = 11, double_precision = 12 };

enum class Stage : int32_t { execute = 3 };

enum class AttributeType : int32_t { scalar = 3, string = 4 };

enum class ArgumentType : int32_t { buffer = 1 };

enum class ExtensionType : int32_t { metadata = 1 };

struct Extension {
    size_t struct_size;
    ExtensionType type;
    Extension* next;
};

struct Version {
    size_t struct_size;
    Extension* extension;
    int major_version, minor_version;
};

struct ErrorCreation {
    size_t struct_size;
    Extension* extension;
    const char* message;
    ErrorCode code;
};

// The beginning of the table of XLA's functions; more follow.
struct Functions {
    size_t struct_size;
    Extension* extension;
    Version version;
    const void* internal;
    Error* (*create_error)(ErrorCreation*);
};

struct Metadata {  // more may follow
    size_t struct_size;
    Version version;
    uint32_t traits;
};

struct MetadataExtension {
    Extension base;
    Metadata* metadata;
};

struct Buffer {
    size_t struct_size;
    Extension* extension;
    DataType type;
    void* data;
    int64_t rank;
    int64_t* shape;
};

struct Scalar {
    DataType type;
    void* value;
};

struct Text {  // its end is not marked
    const char* begin;
    size_t size;
};

// Arguments and results.
struct Buffers {
    size_t struct_size;
    Extension* extension;
    int64_t count;
    ArgumentType* types;
    void** each;
};

struct Attributes {
    size_t struct_size;
    Extension* extension;
    int64_t count;
    AttributeType* types;
    Text** names;
    void** each;
};

struct CallFrame {  // more may follow
    size_t struct_size;
    Extension* extension;
    const Functions* functions;
    void* context;
    Stage stage;
    Buffers arguments;
    Buffers results;
    Attributes attributes;
};

}  // namespace elman::xla
