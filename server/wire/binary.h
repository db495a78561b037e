// The binary format of values that our own result sets hold (PostgreSQL's typsend functions).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace metadb::server::wire {

// Whether binary_form() knows the type: text and its kin, boolean, the integers, double precision,
// timestamp with time zone.
bool has_binary_form(uint32_t type_oid);

// Text, name, json and character varying: their binary format is the text, in the client's
// encoding.
bool is_text(uint32_t type_oid);

// nullopt if the type has none here, or the text is no value of it. A timestamptz is read in the
// form that commands write: `2026-01-31 23:59:59.123456+00`.
std::optional<std::string> binary_form(uint32_t type_oid, std::string_view text);

}  // namespace metadb::server::wire
