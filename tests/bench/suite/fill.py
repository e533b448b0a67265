"""Writes code that makes one message field by field, in C++ and in JavaScript: what an application
would write by hand to fill the answer, so that the typed peers give the same content."""

from google.protobuf.descriptor import FieldDescriptor

CPP_WORDS = {"namespace", "class", "default", "delete", "new", "operator", "private", "public",
             "register", "template", "this", "typename", "union", "using", "virtual", "export"}


def _is_map(field):
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _repeated(field):
    return field.label == FieldDescriptor.LABEL_REPEATED


def _cpp_text(data):
    """Printable bytes as they are, all others in octal; trigraphs need the question mark."""
    return '"' + "".join(
        chr(b) if 32 <= b < 127 and b not in b'"\\?' else f"\\{b:03o}" for b in data) + '"'


class Cpp:
    """Statements on `mutable_`, `add_` and `set_`, one for each field that is set."""

    def __init__(self):
        self.lines = []
        self.count = 0

    def _literal(self, field, value):
        kind = field.cpp_type
        if kind == FieldDescriptor.CPPTYPE_STRING:
            data = value if isinstance(value, bytes) else value.encode()
            text = _cpp_text(data)
            return f"std::string({text}, {len(data)})" if b"\0" in data else text
        if kind == FieldDescriptor.CPPTYPE_ENUM:
            name = field.enum_type.full_name
            outer = field.enum_type.containing_type
            if outer is not None:
                name = f"{outer.full_name}_{field.enum_type.name}"
            return f"static_cast<::{name.replace('.', '::')}>({value})"
        if kind == FieldDescriptor.CPPTYPE_BOOL:
            return "true" if value else "false"
        if kind in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
            return repr(float(value))
        suffix = {FieldDescriptor.CPPTYPE_INT64: "LL", FieldDescriptor.CPPTYPE_UINT64: "ULL",
                  FieldDescriptor.CPPTYPE_UINT32: "U"}
        return f"{value}{suffix.get(kind, '')}"

    def _child(self, expression, message):
        self.count += 1
        name = f"m{self.count}"
        self.lines.append(f"    auto *{name} = {expression};")
        self.fill(name, message)

    def _map(self, into, accessor, field, entries):
        keys, values = (field.message_type.fields_by_name[n] for n in ("key", "value"))
        for key in entries:
            place = f"(*{into}->mutable_{accessor}())[{self._literal(keys, key)}]"
            if values.message_type is not None:
                self._child(f"&{place}", entries[key])
            else:
                self.lines.append(f"    {place} = {self._literal(values, entries[key])};")

    def fill(self, into, message):
        for field, value in message.ListFields():
            accessor = field.name + ("_" if field.name in CPP_WORDS else "")
            if _is_map(field):
                self._map(into, accessor, field, value)
            elif _repeated(field):
                for one in value:
                    if field.message_type is not None:
                        self._child(f"{into}->add_{accessor}()", one)
                    else:
                        self.lines.append(
                            f"    {into}->add_{accessor}({self._literal(field, one)});")
            elif field.message_type is not None:
                self._child(f"{into}->mutable_{accessor}()", value)
            else:
                self.lines.append(f"    {into}->set_{accessor}({self._literal(field, value)});")


def cpp(message):
    code = Cpp()
    code.fill("answer", message)
    body = "\n".join(code.lines)
    return ('// Written by tests/bench/suite/fill.py.\n#include "fill_context.h"\n\n'
            "void fill_context(profilecontext::v1::GetContextResponse *answer)\n"
            f"{{\n{body}\n}}\n")


def _js_text(text):
    code = text.encode("utf-16-be")
    units = [int.from_bytes(code[i:i + 2], "big") for i in range(0, len(code), 2)]
    return "'" + "".join(chr(u) if 32 <= u < 127 and u not in b"'\\" else f"\\u{u:04x}"
                         for u in units) + "'"


def _js_value(field, value):
    kind = field.cpp_type
    if field.message_type is not None:
        return _js_object(value)
    if kind == FieldDescriptor.CPPTYPE_STRING:
        if isinstance(value, bytes):
            return f"Buffer.from({list(value)})"
        return _js_text(value)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return "true" if value else "false"
    if kind in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64):
        if abs(value) >= 1 << 53:
            raise SystemExit(f"{field.full_name} is too large for a JavaScript number: {value}")
    return repr(value)


def _js_object(message):
    # protobufjs brings the well-known types itself, under the names that it would give them.
    own_names = message.DESCRIPTOR.file.package == "google.protobuf"
    members = []
    for field, value in message.ListFields():
        name = field.camelcase_name if own_names else field.name
        if _is_map(field):
            inner = field.message_type.fields_by_name["value"]
            pairs = ", ".join(f"{_js_text(str(k))}: {_js_value(inner, value[k])}" for k in value)
            members.append(f"{name}: {{ {pairs} }}")
        elif _repeated(field):
            members.append(f"{name}: [{', '.join(_js_value(field, v) for v in value)}]")
        else:
            members.append(f"{name}: {_js_value(field, value)}")
    return "{ " + ", ".join(members) + " }"


def javascript(message):
    return ("// Written by tests/bench/suite/fill.py.\n'use strict';\n\n"
            f"module.exports = () => ({_js_object(message)});\n")
