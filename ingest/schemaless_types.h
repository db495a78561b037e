// Values without a schema (schemas.enable=false): what their column's type, or JSON, tells of them.
#pragma once

#include <optional>

#include "catalog/types.h"
#include "ingest/change.h"
#include "ingest/debezium_types.h"
#include "ingest/json.h"

namespace metadb::ingest {

// How a column of that type reads its values: those that JSON alone makes no doubt about. Whatever
// does not read as the type (a timestamp as a number of unknown unit, a decimal as base64 of
// unknown scale) is no error but 22008, so that the column gets the wider type.
ColumnType schemaless_type(const KnownColumn& column);
// Of a column that is new here, by a value of it that is not null: boolean, numeric, else text.
// Nothing is lost by these; what the value means is.
ColumnType schemaless_type_of(const JsonNode& value);
// wider_type() of such columns: numeric for other numbers, text for everything else. nullopt: there
// is none, or the type has a schema.
std::optional<ColumnType> wider_schemaless_type(const ColumnType& type);

}  // namespace metadb::ingest
