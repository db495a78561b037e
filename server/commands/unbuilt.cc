#include <fmt/format.h>

#include "server/commands/rights.h"
#include "server/commands/run.h"

namespace metadb::server {

void refuse_unbuilt(std::string_view tag, CommandContext& context) {
  require_administrator(context, tag);
  throw catalog::Error("0A000", fmt::format("{} is not implemented yet", tag));
}

}  // namespace metadb::server
