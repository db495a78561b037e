#include "server/commands/data_source_notices.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace metadb::server {
namespace {

using catalog::DataSource;

constexpr size_t kShown = 20;

std::string lines(const std::vector<std::string>& items) {
  const size_t shown = std::min(items.size(), kShown);
  std::string out = fmt::format("{}", fmt::join(items.begin(), items.begin() + shown, "\n"));
  if (shown < items.size()) out += fmt::format("\n... and {} more.", items.size() - shown);
  return out;
}

std::string_view plural(const std::vector<std::string>& items) {
  return items.size() == 1 ? "" : "s";
}

bool share_a_broker(const DataSource& a, const DataSource& b) {
  const auto brokers_of = [](const DataSource& source) {
    std::set<std::string> out;
    std::istringstream text(source.option("brokers"));
    for (std::string broker; std::getline(text >> std::ws, broker, ',');) out.insert(broker);
    return out;
  };
  const std::set<std::string> others = brokers_of(b);
  return std::ranges::any_of(brokers_of(a),
                             [&](const std::string& broker) { return others.contains(broker); });
}

}  // namespace

Notice warning(std::string message, std::string detail, std::string hint) {
  return {.severity = "WARNING",
          .sqlstate = "01000",
          .message = std::move(message),
          .detail = std::move(detail),
          .hint = std::move(hint)};
}

void warn_of_shared_group(const DataSource& source, const catalog::Snapshot& catalog,
                          const Context& session) {
  const std::string group = source.option("consumer_group");
  for (const auto& [name, other] : catalog.sources) {
    if (name == source.name || other.option("consumer_group") != group) continue;
    if (!share_a_broker(source, other)) continue;
    session.notice(
        warning(fmt::format("data source \"{}\" has the same brokers and consumer group \"{}\"",
                            name, group),
                "",
                "The group may give each of them a part of the partitions only: name another "
                "consumer_group."));
  }
}

void warn_of(const ingest::Consequences& consequences, const Context& session) {
  const auto& [stay, left_out, let_in] = consequences;
  if (!stay.empty()) {
    session.notice(
        warning(fmt::format("{} known table{} stay{} where {}", stay.size(), plural(stay),
                            stay.size() == 1 ? "s" : "", stay.size() == 1 ? "it is" : "they are"),
                lines(stay), "Where a table goes is decided when it is first seen, and kept."));
  }
  if (!left_out.empty()) {
    session.notice(warning(fmt::format("the filters leave out {} known table{} from now on",
                                       left_out.size(), plural(left_out)),
                           lines(left_out),
                           "Rows stay as they are, and what happens to them is not read."));
  }
  if (!let_in.empty()) {
    session.notice(
        warning(fmt::format("the filters let in {} known table{} that they left out before",
                            let_in.size(), plural(let_in)),
                lines(let_in), "What happened in between was not read and is missing."));
  }
}

void warn_of_no_worker(const std::string& name, const std::string& reason, const Context& session) {
  spdlog::error("data source {}: its worker cannot be started: {}", name, reason);
  session.notice(warning(
      fmt::format("data source \"{}\" is not read: its worker cannot be started: {}", name, reason),
      "What the command changed is stored.",
      fmt::format("Type RESUME DATA SOURCE {} to try again.", catalog::quote_identifier(name))));
}

}  // namespace metadb::server
