// The one statement of PostgreSQL's that may be about a prepared command of ours.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace metadb::grammar {

// The name in `DEALLOCATE [PREPARE] name`; nullopt for any other statement, and for ALL.
std::optional<std::string> deallocated_name(std::string_view statement);

}  // namespace metadb::grammar
