// How the bytes of a key or a value are framed: JSON, or Avro by a schema that a registry knows.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/source.h"

namespace metadb::ingest {

// Which schema of a registry; the kinds are numbered apart from each other.
struct SchemaId {
  enum class Kind : uint8_t { id, guid, global_id, content_id };

  Kind kind = Kind::id;
  uint64_t high = 0;  // the first half of a GUID
  uint64_t low = 0;   // its other half, or the number
  auto operator<=>(const SchemaId&) const = default;
};
// "id 7", "GUID 89791762-...", "globalId 7", "contentId 7"
std::string described(const SchemaId& id);
// The GUID in its usual form. REQUIRES: kind == guid.
std::string guid_text(const SchemaId& id);

enum class RegistryKind : uint8_t { confluent, apicurio };

struct WireOptions {
  enum class Format : uint8_t { automatic, json, avro };

  Format format = Format::automatic;
  RegistryKind registry = RegistryKind::confluent;
  // Whose numbers Apicurio's framing holds: it does not say.
  SchemaId::Kind apicurio_ids = SchemaId::Kind::global_id;
};

enum class Side : uint8_t { key, value };
std::string name_of(Side side);

struct Unframed {
  std::optional<SchemaId> schema;  // of Avro; without one the body is JSON
  std::string_view body;
};

// Looks at the first bytes and the headers of a record (debezium-format 1), for each side of it
// alone. Throws DecodeError for what is neither. REQUIRES: bytes are not empty.
Unframed unframed(std::string_view bytes, Side side, const std::vector<Header>& headers,
                  const WireOptions& options);
// The same of bytes that no header of their own says anything of.
Unframed unframed(std::string_view bytes, Side side, const WireOptions& options);

}  // namespace metadb::ingest
