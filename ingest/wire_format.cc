#include "ingest/wire_format.h"

#include <fmt/format.h>

#include <array>
#include <limits>

#include "ingest/debezium_error.h"

namespace metadb::ingest {
namespace {

constexpr size_t kGuidBytes = 16;

uint64_t big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes) value = (value << 8) | static_cast<unsigned char>(byte);
  return value;
}

[[noreturn]] void throw_at(Side side, const std::string& what) {
  throw DecodeError(name_of(side) + what, "22P03");
}

// Registries count from 1.
SchemaId numbered(SchemaId::Kind kind, std::string_view bytes, Side side) {
  const SchemaId id{kind, 0, big_endian(bytes)};
  const bool is_int32 = bytes.size() == sizeof(int32_t);
  const uint64_t most =
      is_int32 ? std::numeric_limits<int32_t>::max() : std::numeric_limits<int64_t>::max();
  if (id.low == 0 || id.low > most) {
    throw_at(side, fmt::format(" is framed as Avro by a schema that cannot be ({})", id.low));
  }
  return id;
}

SchemaId guid(std::string_view bytes) {
  return {SchemaId::Kind::guid, big_endian(bytes.substr(0, 8)), big_endian(bytes.substr(8))};
}

// The bytes of Confluent's framing: 0 and a number, or 1 and a GUID. nullopt: something else.
std::optional<Unframed> confluent(std::string_view bytes, Side side) {
  constexpr size_t kIdBytes = 1 + sizeof(int32_t);
  if (bytes.size() >= kIdBytes && bytes[0] == '\0') {
    return Unframed{numbered(SchemaId::Kind::id, bytes.substr(1, sizeof(int32_t)), side),
                    bytes.substr(kIdBytes)};
  }
  if (bytes.size() > kGuidBytes && bytes[0] == '\1') {
    return Unframed{guid(bytes.substr(1, kGuidBytes)), bytes.substr(1 + kGuidBytes)};
  }
  return std::nullopt;
}

// Eight bytes by default in versions 1 and 2, four in version 3 and with as-confluent. Ids of a
// registry fit four bytes, so that of eight the first four are zero.
std::optional<Unframed> apicurio(std::string_view bytes, Side side, SchemaId::Kind ids) {
  constexpr size_t kLongBytes = 1 + sizeof(int64_t);
  const bool is_long =
      bytes.size() >= kLongBytes && bytes.starts_with(std::string_view("\0\0\0\0\0", 5));
  if (is_long) {
    return Unframed{numbered(ids, bytes.substr(1, sizeof(int64_t)), side),
                    bytes.substr(kLongBytes)};
  }
  auto found = confluent(bytes, side);
  if (found && found->schema->kind == SchemaId::Kind::id) found->schema->kind = ids;
  return found;
}

struct HeaderNames {
  std::string_view confluent;
  std::string_view global_id;
  std::string_view content_id;
  std::string_view encoding;
};
constexpr std::array kHeaderNames = {
    HeaderNames{"__key_schema_id", "apicurio.key.globalId", "apicurio.key.contentId",
                "apicurio.key.encoding"},
    HeaderNames{"__value_schema_id", "apicurio.value.globalId", "apicurio.value.contentId",
                "apicurio.value.encoding"},
};

// The schema that the record's headers name; nullopt if they name none for this side.
std::optional<SchemaId> schema_of(const std::vector<Header>& headers, Side side) {
  const HeaderNames& names = kHeaderNames[static_cast<size_t>(side)];
  std::optional<SchemaId> found;
  for (const Header& header : headers) {
    if (!header.value) continue;
    const std::string& value = *header.value;
    if (header.name == names.confluent) {
      const auto framing = confluent(value, side);
      if (!framing || !framing->body.empty()) {
        throw_at(side, fmt::format(": header {} is no id of a schema", header.name));
      }
      found = framing->schema;
    } else if (header.name == names.global_id || header.name == names.content_id) {
      const auto kind =
          header.name == names.global_id ? SchemaId::Kind::global_id : SchemaId::Kind::content_id;
      if (value.size() != sizeof(int64_t)) {
        throw_at(side, fmt::format(": header {} is no id of a schema", header.name));
      }
      found = numbered(kind, value, side);
    } else if (header.name == names.encoding && value == "JSON") {
      throw_at(side, " is in Avro's JSON encoding, which is not supported: use BINARY");
    }
  }
  return found;
}

Unframed json(std::string_view bytes, Side side) {
  const size_t start = bytes.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos || bytes[start] != '{') {
    throw DecodeError(name_of(side) + " is not a JSON object", "22032");
  }
  return {std::nullopt, bytes};
}

}  // namespace

std::string described(const SchemaId& id) {
  switch (id.kind) {
    case SchemaId::Kind::id:
      return fmt::format("id {}", id.low);
    case SchemaId::Kind::global_id:
      return fmt::format("globalId {}", id.low);
    case SchemaId::Kind::content_id:
      return fmt::format("contentId {}", id.low);
    case SchemaId::Kind::guid:
      break;
  }
  return "GUID " + guid_text(id);
}

std::string guid_text(const SchemaId& id) {
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", id.high >> 32, (id.high >> 16) & 0xffff,
                     id.high & 0xffff, id.low >> 48, id.low & 0xffffffffffff);
}

std::string name_of(Side side) {
  return side == Side::key ? "key" : "value";
}

Unframed unframed(std::string_view bytes, Side side, const WireOptions& options) {
  if (options.format == WireOptions::Format::json) return json(bytes, side);
  const auto avro = options.registry == RegistryKind::apicurio
                        ? apicurio(bytes, side, options.apicurio_ids)
                        : confluent(bytes, side);
  if (avro) return *avro;
  if (bytes[0] == '\3' && bytes.size() >= 2 + kGuidBytes) {
    throw_at(side, " is framed by AWS Glue, which is not supported");
  }
  if (options.format == WireOptions::Format::avro) {
    throw_at(side, " is not framed as Avro by a schema of a registry");
  }
  return json(bytes, side);
}

Unframed unframed(std::string_view bytes, Side side, const std::vector<Header>& headers,
                  const WireOptions& options) {
  if (options.format != WireOptions::Format::json) {
    if (const auto schema = schema_of(headers, side)) return {schema, bytes};
  }
  return unframed(bytes, side, options);
}

}  // namespace metadb::ingest
