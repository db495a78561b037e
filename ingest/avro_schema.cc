#include "ingest/avro_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "ingest/debezium_error.h"
#include "ingest/json.h"
#include "ingest/json_text.h"

namespace metadb::ingest {
namespace {

constexpr size_t kDepthMax = 64;
constexpr size_t kTypesMax = 100'000;
// Begins the names of the parameters by which Debezium tells the source's type.
constexpr std::string_view kOfColumn = "__debezium.source.column.";

struct Primitive {
  std::string_view name;
  AvroKind kind;
  std::string_view connect_type;
};
constexpr std::array kPrimitives = {
    // Connect has no type for what is always null.
    Primitive{"null", AvroKind::null, "string"},
    Primitive{"boolean", AvroKind::boolean, "boolean"},
    Primitive{"int", AvroKind::int32, "int32"},
    Primitive{"long", AvroKind::int64, "int64"},
    Primitive{"float", AvroKind::float32, "float"},
    Primitive{"double", AvroKind::float64, "double"},
    Primitive{"bytes", AvroKind::bytes, "bytes"},
    Primitive{"string", AvroKind::string, "string"},
};

// What a logical type means where `connect.name` says nothing; others are as good as absent.
struct Logical {
  std::string_view logical_type;
  AvroKind kind;
  std::string_view semantic;
};
constexpr std::string_view kDecimal = "org.apache.kafka.connect.data.Decimal";
constexpr std::array kLogical = {
    Logical{"decimal", AvroKind::bytes, kDecimal},
    Logical{"decimal", AvroKind::fixed, kDecimal},
    Logical{"date", AvroKind::int32, "org.apache.kafka.connect.data.Date"},
    Logical{"time-millis", AvroKind::int32, "org.apache.kafka.connect.data.Time"},
    Logical{"timestamp-millis", AvroKind::int64, "org.apache.kafka.connect.data.Timestamp"},
};

[[noreturn]] void throw_schema(const std::string& what) {
  throw DecodeError("Avro schema: " + what, "22P03");
}

std::string_view text_in(const JsonNode& node, std::string_view name) {
  const JsonNode* member = node.member(name);
  return member != nullptr && member->kind == JsonKind::string ? member->text : std::string_view();
}

// 0 where there is none.
int64_t integer_in(const JsonNode& node, std::string_view name) {
  const JsonNode* member = node.member(name);
  if (member == nullptr) return 0;
  int64_t value = 0;
  const char* end = member->text.data() + member->text.size();
  const auto [stop, error] = std::from_chars(member->text.data(), end, value);
  if (error != std::errc() || stop != end) {
    throw_schema(fmt::format("\"{}\" is no number", name));
  }
  return value;
}

const JsonNode& array_member(const JsonNode& node, std::string_view name) {
  const JsonNode* member = node.member(name);
  if (member == nullptr || member->kind != JsonKind::array) {
    throw_schema(fmt::format("\"{}\" is missing", name));
  }
  return *member;
}

std::string_view namespace_of(std::string_view full_name) {
  const size_t dot = full_name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : full_name.substr(0, dot);
}

std::string in_namespace(std::string_view name, std::string_view space) {
  const bool is_full = space.empty() || name.find('.') != std::string_view::npos;
  return is_full ? std::string(name) : fmt::format("{}.{}", space, name);
}

// Turns the JSON of schemas into types; what one of them defines, the next may name.
class SchemaCompiler {
 public:
  explicit SchemaCompiler(std::deque<AvroType>& types) : types_(types) {}

  const AvroType* compile(std::string_view text) {
    // A schema may also be a string or an array, which are no JSON documents of ours.
    const std::string document = fmt::format(R"({{"schema":{}}})", text);
    const JsonNode& root = parser_.parse_object(document);
    const JsonNode* schema = root.member("schema");
    if (schema == nullptr || root.end() != schema->end()) throw_schema("not one JSON value");
    return type_of(*schema, "", 0);
  }

 private:
  const AvroType* type_of(const JsonNode& node, std::string_view space, size_t depth) {
    if (depth > kDepthMax) throw_schema("nested too deeply");
    if (node.kind == JsonKind::string) return named(node.text, space);
    if (node.kind == JsonKind::array) return alternatives(node, space, depth);
    if (node.kind != JsonKind::object) throw_schema("neither object, array nor name");
    const JsonNode* type = node.member("type");
    if (type == nullptr) throw_schema("an object without \"type\"");
    if (type->kind != JsonKind::string) return type_of(*type, space, depth + 1);
    return defined(type->text, node, space, depth);
  }

  AvroType& add(AvroKind kind, std::string_view connect_type) {
    if (types_.size() >= kTypesMax) throw_schema("too many types");
    AvroType& type = types_.emplace_back();
    type.kind = kind;
    type.connect_type = connect_type;
    return type;
  }

  const AvroType* named(std::string_view name, std::string_view space) {
    for (const Primitive& primitive : kPrimitives) {
      if (primitive.name == name) return &add(primitive.kind, primitive.connect_type);
    }
    auto found = names_.find(in_namespace(name, space));
    if (found == names_.end()) found = names_.find(std::string(name));
    if (found == names_.end()) throw_schema(fmt::format("unknown type \"{}\"", excerpt(name)));
    return found->second;
  }

  // An object whose type is a name: of something built in, or a reference with attributes.
  const AvroType* defined(std::string_view name, const JsonNode& node, std::string_view space,
                          size_t depth) {
    if (name == "record" || name == "error") return record(node, space, depth);
    if (name == "enum") return enumeration(node, space);
    if (name == "fixed") return fixed(node, space);
    if (name == "array") return array(node, space, depth);
    if (name == "map") return map(node, space, depth);
    for (const Primitive& primitive : kPrimitives) {
      if (primitive.name != name) continue;
      AvroType& type = add(primitive.kind, primitive.connect_type);
      describe(type, node, "");
      return &type;
    }
    return named(name, space);
  }

  // What the converter has noted in the schema of its own.
  static void describe(AvroType& type, const JsonNode& node, std::string_view full_name) {
    if (type.kind == AvroKind::int32) {
      const std::string_view narrow = text_in(node, "connect.type");
      if (narrow == "int8" || narrow == "int16") type.connect_type = narrow;
    }
    const std::string_view logical_type = text_in(node, "logicalType");
    const auto* logical = std::ranges::find_if(kLogical, [&](const Logical& row) {
      return row.logical_type == logical_type && row.kind == type.kind;
    });
    type.semantic = text_in(node, "connect.name");
    if (type.semantic.empty()) {
      type.semantic = logical != kLogical.end() ? logical->semantic : full_name;
    }
    const JsonNode* parameters = node.member("connect.parameters");
    if (parameters != nullptr && parameters->kind == JsonKind::object) {
      type.parameters = parameters->text;
    }
    const bool has_scale = parameters != nullptr && parameters->member("scale") != nullptr;
    if (logical == kLogical.end() || logical->semantic != kDecimal || has_scale) return;
    const std::string scale = fmt::format(R"({{"scale":"{}")", integer_in(node, "scale"));
    const bool is_alone = parameters == nullptr || parameters->size == 1;
    type.parameters = is_alone ? scale + "}" : scale + "," + type.parameters.substr(1);
  }

  // Known by its name from now on, also to itself.
  AvroType& add_named(AvroKind kind, std::string_view connect_type, const JsonNode& node,
                      std::string_view space, std::string& full_name) {
    const std::string_view name = text_in(node, "name");
    if (name.empty()) throw_schema("a named type without name");
    const JsonNode* own_space = node.member("namespace");
    full_name = in_namespace(name, own_space != nullptr ? own_space->text : space);
    AvroType& type = add(kind, connect_type);
    names_[full_name] = &type;
    describe(type, node, full_name);
    return type;
  }

  // Of a propagated source type each column has its own, but a schema describes a type only where
  // it first occurs: whoever names it later is another column.
  const AvroType* complete(const AvroType& type, const std::string& full_name,
                           const JsonNode& node) {
    if (type.parameters.find(kOfColumn) == std::string::npos) return &type;
    AvroType others = type;
    others.parameters.clear();
    const JsonNode& parameters = *node.member("connect.parameters");
    for (const JsonNode* each = parameters.begin(); each != parameters.end(); each = each->next()) {
      if (each->name.starts_with(kOfColumn)) continue;
      others.parameters += others.parameters.empty() ? '{' : ',';
      append_json_string(others.parameters, each->name);
      others.parameters += ':';
      append_json(others.parameters, *each);
    }
    if (!others.parameters.empty()) others.parameters += '}';
    add(type.kind, type.connect_type) = std::move(others);
    names_[full_name] = &types_.back();
    return &type;
  }

  const AvroType* record(const JsonNode& node, std::string_view space, size_t depth) {
    std::string full_name;
    AvroType& type = add_named(AvroKind::record, "struct", node, space, full_name);
    const JsonNode& fields = array_member(node, "fields");
    for (const JsonNode* field = fields.begin(); field != fields.end(); field = field->next()) {
      const std::string_view name = text_in(*field, "name");
      const JsonNode* schema = field->member("type");
      if (name.empty() || schema == nullptr) throw_schema("a field without name or type");
      type.members.push_back({std::string(name),
                              type_of(*schema, namespace_of(full_name), depth + 1),
                              default_of(*field)});
    }
    return complete(type, full_name, node);
  }

  static std::string default_of(const JsonNode& field) {
    const JsonNode* value = field.member("default");
    std::string out;
    if (value != nullptr && !value->is_null()) append_json(out, *value);
    return out;
  }

  const AvroType* enumeration(const JsonNode& node, std::string_view space) {
    std::string full_name;
    AvroType& type = add_named(AvroKind::enumeration, "string", node, space, full_name);
    const JsonNode& symbols = array_member(node, "symbols");
    for (const JsonNode* symbol = symbols.begin(); symbol != symbols.end();
         symbol = symbol->next()) {
      type.symbols.emplace_back(symbol->text);
    }
    return complete(type, full_name, node);
  }

  const AvroType* fixed(const JsonNode& node, std::string_view space) {
    std::string full_name;
    AvroType& type = add_named(AvroKind::fixed, "bytes", node, space, full_name);
    const int64_t size = integer_in(node, "size");
    if (size < 0) throw_schema("a fixed of less than no bytes");
    type.size = static_cast<size_t>(size);
    return complete(type, full_name, node);
  }

  // The converter writes a map whose keys are no strings as an array of its entries.
  static bool is_entry(const JsonNode& items, const AvroType& type) {
    const bool is_named = text_in(items, "name") == "MapEntry" ||
                          text_in(items, "connect.internal.type") == "MapEntry";
    return is_named && type.kind == AvroKind::record && type.members.size() == 2 &&
           type.members[0].name == "key" && type.members[1].name == "value";
  }

  const AvroType* array(const JsonNode& node, std::string_view space, size_t depth) {
    AvroType& type = add(AvroKind::array, "array");
    describe(type, node, "");
    const JsonNode* items = node.member("items");
    if (items == nullptr) throw_schema("an array without \"items\"");
    type.members = {{"", type_of(*items, space, depth + 1)}};
    type.is_entries = is_entry(*items, *type.members[0].type);
    if (!type.is_entries) return &type;
    type.connect_type = "map";
    const std::string_view entry_name = text_in(*items, "connect.name");
    if (type.semantic.empty()) type.semantic = entry_name;
    return &type;
  }

  const AvroType* map(const JsonNode& node, std::string_view space, size_t depth) {
    AvroType& type = add(AvroKind::map, "map");
    describe(type, node, "");
    const JsonNode* values = node.member("values");
    if (values == nullptr) throw_schema("a map without \"values\"");
    type.members = {{"", type_of(*values, space, depth + 1)}};
    return &type;
  }

  const AvroType* alternatives(const JsonNode& node, std::string_view space, size_t depth) {
    AvroType& type = add(AvroKind::alternatives, "struct");
    for (const JsonNode* branch = node.begin(); branch != node.end(); branch = branch->next()) {
      const AvroType* its_type = type_of(*branch, space, depth + 1);
      std::string_view name = branch->kind == JsonKind::string ? branch->text : "";
      if (branch->kind == JsonKind::object) name = text_in(*branch, "name");
      if (name.empty() && branch->kind == JsonKind::object) name = text_in(*branch, "type");
      type.members.push_back({std::string(name.substr(name.rfind('.') + 1)), its_type});
    }
    return &type;
  }

  std::deque<AvroType>& types_;
  std::map<std::string, const AvroType*> names_;
  JsonParser parser_;
};

// Writes the JSON of Connect's schemas.
class ConnectSchema {
 public:
  struct Place {
    bool is_optional = false;
    std::string_view field;          // its name in a struct; empty elsewhere
    std::string_view default_value;  // JSON, or empty
  };

  void append(const AvroType& type, const Place& place, size_t depth) {
    if (depth > kDepthMax) throw_schema("recursive, or nested too deeply");
    if (out_.size() > AvroSchema::kConnectBytesMax) throw_schema("too large");
    if (type.kind == AvroKind::alternatives) return append_alternatives(type, place, depth);
    out_ += R"({"type":)";
    append_json_string(out_, type.connect_type);
    if (type.kind == AvroKind::record) {
      append_fields(type.members, false, depth);
    } else if (type.is_entries) {
      append_member("keys", *type.members[0].type->members[0].type, depth);
      append_member("values", *type.members[0].type->members[1].type, depth);
    } else if (type.kind == AvroKind::array) {
      append_member("items", *type.members[0].type, depth);
    } else if (type.kind == AvroKind::map) {
      out_ += R"(,"keys":{"type":"string","optional":false})";
      append_member("values", *type.members[0].type, depth);
    }
    append_end(
        type.semantic, type.parameters,
        {place.is_optional || type.kind == AvroKind::null, place.field, place.default_value});
  }

  std::string take() { return std::move(out_); }

 private:
  // One branch beside null makes it optional; of several, those that are not there are null.
  void append_alternatives(const AvroType& type, const Place& place, size_t depth) {
    std::vector<AvroMember> branches = type.members;
    std::erase_if(branches, [](const AvroMember& m) { return m.type->kind == AvroKind::null; });
    const bool is_optional = place.is_optional || branches.size() < type.members.size();
    if (branches.size() == 1) {
      return append(*branches[0].type, {is_optional, place.field, place.default_value}, depth + 1);
    }
    out_ += R"({"type":"struct")";
    append_fields(branches, true, depth);
    append_end("io.confluent.connect.avro.Union", "",
               {is_optional, place.field, place.default_value});
  }

  void append_fields(const std::vector<AvroMember>& members, bool are_optional, size_t depth) {
    out_ += R"(,"fields":[)";
    for (size_t i = 0; i < members.size(); ++i) {
      if (i > 0) out_ += ',';
      append(*members[i].type, {are_optional, members[i].name, members[i].default_value},
             depth + 1);
    }
    out_ += ']';
  }

  void append_member(std::string_view name, const AvroType& type, size_t depth) {
    out_ += fmt::format(R"(,"{}":)", name);
    append(type, {}, depth + 1);
  }

  void append_end(std::string_view semantic, std::string_view parameters, const Place& place) {
    out_ += place.is_optional ? R"(,"optional":true)" : R"(,"optional":false)";
    if (!semantic.empty()) {
      out_ += R"(,"name":)";
      append_json_string(out_, semantic);
    }
    if (!parameters.empty()) out_ += fmt::format(R"(,"parameters":{})", parameters);
    if (!place.default_value.empty()) out_ += fmt::format(R"(,"default":{})", place.default_value);
    if (!place.field.empty()) {
      out_ += R"(,"field":)";
      append_json_string(out_, place.field);
    }
    out_ += '}';
  }

  std::string out_;
};

}  // namespace

AvroSchema::AvroSchema(std::string_view text, const std::vector<std::string>& referenced) {
  SchemaCompiler compiler(types_);
  for (const std::string& schema : referenced) compiler.compile(schema);
  root_ = compiler.compile(text);
  ConnectSchema connect;
  connect.append(*root_, {}, 0);
  connect_schema_ = connect.take();
}

}  // namespace metadb::ingest
