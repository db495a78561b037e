#include "ingest/workers.h"

#include <algorithm>
#include <utility>

namespace metadb::ingest {

void Workers::start_all() {
  const auto snapshot = catalog_.snapshot();
  for (const auto& [name, source] : snapshot->sources) start(source);
}

void Workers::start(const catalog::DataSource& source) {
  if (!factory_) return;
  const std::scoped_lock lock(mutex_);
  forget_ended();
  const auto last = std::find_if(leaving_.rbegin(), leaving_.rend(), [&](const Leaving& leaving) {
    return leaving.name == source.name;
  });
  const std::shared_ptr<Worker> predecessor = last == leaving_.rend() ? nullptr : last->worker;
  workers_.emplace(source.name, std::make_shared<Worker>(catalog_, source, factory_, predecessor,
                                                         memory_limit_bytes_));
}

void Workers::renew(const catalog::DataSource& source, Order order) {
  const auto worker = find(source.name);
  if (!worker) {
    start(source);
  } else {
    worker->renew(source, source.is_enabled ? order : Order::pause);
  }
}

void Workers::pause(const std::string& name, int64_t since_us) {
  if (const auto worker = find(name)) worker->obey(Order::pause, since_us);
}

void Workers::resume(const catalog::DataSource& source) {
  const auto worker = find(source.name);
  if (!worker) {
    start(source);
  } else {
    worker->obey(Order::run);
  }
}

void Workers::stop(const std::string& name) {
  std::shared_ptr<Worker> ending;
  {
    const std::scoped_lock lock(mutex_);
    forget_ended();
    const auto found = workers_.find(name);
    if (found == workers_.end()) return;
    ending = found->second;
    leaving_.push_back({name, ending});
    workers_.erase(found);
  }
  // Without the lock: the others can be asked for their status meanwhile.
  ending->request_stop(Worker::kOrderPatience);
  ending->await_rest(kRestMax);
}

void Workers::stop_all() {
  std::vector<std::shared_ptr<Worker>> ending;
  {
    const std::scoped_lock lock(mutex_);
    for (auto& [name, worker] : std::exchange(workers_, {})) ending.push_back(worker);
    for (Leaving& leaving : std::exchange(leaving_, {})) ending.push_back(leaving.worker);
  }
  for (const auto& worker : ending) worker->request_stop(Writer::kFinishMax);
}

bool Workers::retry(const std::string& name, std::shared_ptr<LetterRetry> retry) {
  const auto worker = find(name);
  return worker && worker->retry(std::move(retry));
}

void Workers::forgive_letters(const std::string& name) {
  if (const auto worker = find(name)) worker->forgive_letters();
}

bool Workers::await_rest(const std::string& name) const {
  const auto worker = find(name);
  return !worker || worker->await_rest(kRestMax);
}

std::optional<SourceStatus> Workers::status(const std::string& name) const {
  const auto worker = find(name);
  if (!worker) return std::nullopt;
  return worker->status();
}

std::map<TopicPartition, PartitionStatus> Workers::partitions(const std::string& name) const {
  const auto worker = find(name);
  if (!worker) return {};
  return worker->partitions();
}

std::shared_ptr<Worker> Workers::find(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = workers_.find(name);
  return found == workers_.end() ? nullptr : found->second;
}

// REQUIRES: the lock is held. Their threads have nothing left to do: joining them takes no time.
void Workers::forget_ended() {
  std::erase_if(leaving_, [](const Leaving& leaving) { return leaving.worker->has_ended(); });
}

}  // namespace metadb::ingest
