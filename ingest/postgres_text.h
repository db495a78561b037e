// Values as PostgreSQL prints them (DateStyle ISO, IntervalStyle postgres, in UTC, bytea as hex).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "catalog/types.h"

namespace metadb::ingest {

// `bytes`: the value in the type's binary format, which must be one. nullopt for types that
// nothing here is printed of.
std::optional<std::string> postgres_text(catalog::PgType type, std::string_view bytes);
// The text of an array of one dimension; nullopt: a NULL in it.
class ArrayText {
 public:
  void add(const std::optional<std::string>& element);
  [[nodiscard]] std::string text() const { return text_ + "}"; }

 private:
  std::string text_ = "{";
};

}  // namespace metadb::ingest
