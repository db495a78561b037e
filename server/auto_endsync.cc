#include "server/auto_endsync.h"

#include <spdlog/spdlog.h>

#include <exception>

#include "catalog/error.h"
#include "grammar/ast.h"
#include "server/pause.h"

namespace metadb::server {
namespace {

constexpr std::chrono::seconds kLookEvery{1};
constexpr std::chrono::minutes kTryAgainAfter{10};

}  // namespace

AutoEndsync::AutoEndsync(Parts parts)
    : parts_(parts), thread_([this](const std::stop_token& stop) { run(stop); }) {}

void AutoEndsync::run(const std::stop_token& stop) {
  while (pause_for(kLookEvery, stop)) {
    const auto snapshot = parts_.catalog.snapshot();
    for (const auto& [name, source] : snapshot->sources) {
      if (is_due(source)) end(source, stop);
      if (stop.stop_requested()) return;
    }
  }
}

bool AutoEndsync::is_due(const catalog::DataSource& source) const {
  if (source.sync == catalog::SyncMode::none || source.option("endsync") != "auto") return false;
  const auto refused = refused_.find(source.name);
  const bool is_too_early = refused != refused_.end() &&
                            refused->second.generation == source.generation &&
                            Clock::now() < refused->second.not_before;
  if (is_too_early) return false;
  const auto status = parts_.workers.status(source.name);
  return status && status->snapshot && status->snapshot->generation == source.generation &&
         !status->snapshot->signal.empty();
}

void AutoEndsync::end(const catalog::DataSource& source, const std::stop_token& stop) {
  try {
    const catalog::Connection connection = parts_.catalog.connect();
    Context context(Caller{connection.user(), connection.database(), true, 0}, stop,
                    [&](const Notice& notice) {
                      spdlog::info("data source {}: {}{}{}", source.name, notice.message,
                                   notice.detail.empty() ? "" : ": ", notice.detail);
                    });
    grammar::ast::EndSyncDataSource command;
    command.name.text = source.name;
    parts_.commands.run(command, context);
    refused_.erase(source.name);
  } catch (const std::exception& failure) {
    if (stop.stop_requested()) return;
    const auto* error = dynamic_cast<const catalog::Error*>(&failure);
    refused_[source.name] = {source.generation, Clock::now() + kTryAgainAfter};
    spdlog::warn(
        "data source {}: its synchronization does not end by itself: {}; next try in {} "
        "minutes",
        source.name, error != nullptr ? catalog::described(*error) : failure.what(),
        kTryAgainAfter.count());
  }
}

}  // namespace metadb::server
