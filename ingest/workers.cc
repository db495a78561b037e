#include "ingest/workers.h"

#include <utility>

namespace metadb::ingest {

void Workers::start_all() {
  const auto snapshot = catalog_.snapshot();
  for (const auto& [name, source] : snapshot->sources) {
    if (source.is_enabled) start(source);
  }
}

void Workers::start(const catalog::DataSource& source) {
  const std::scoped_lock lock(mutex_);
  workers_.emplace(source.name, std::make_unique<Worker>(catalog_, source, factory_));
}

void Workers::stop(const std::string& name) {
  std::unique_ptr<Worker> ending;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = workers_.find(name);
    if (found == workers_.end()) return;
    ending = std::move(found->second);
    workers_.erase(found);
  }
  // Joined here, without the lock: the others can be asked for their status meanwhile.
}

void Workers::stop_all() {
  std::map<std::string, std::unique_ptr<Worker>> ending;
  {
    const std::scoped_lock lock(mutex_);
    ending = std::exchange(workers_, {});
  }
  for (const auto& [name, worker] : ending) worker->request_stop();
}

std::optional<SourceStatus> Workers::status(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = workers_.find(name);
  if (found == workers_.end()) return std::nullopt;
  return found->second->status();
}

}  // namespace metadb::ingest
