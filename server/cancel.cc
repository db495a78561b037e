#include "server/cancel.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/auth.h"

namespace metadb::server {

namespace asio = boost::asio;

void CancelRegistry::add(const wire::BackendKey& key, std::weak_ptr<Cancellable> session) {
  const std::lock_guard lock(mutex_);
  entries_.emplace(key.pid, Entry{key.secret, std::move(session)});
}

void CancelRegistry::remove(const wire::BackendKey& key) {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = entries_.equal_range(key.pid);
  for (auto entry = first; entry != last; ++entry) {
    if (entry->second.secret != key.secret) continue;
    entries_.erase(entry);
    return;
  }
}

std::shared_ptr<Cancellable> CancelRegistry::find(const wire::BackendKey& key) {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = entries_.equal_range(key.pid);
  for (auto entry = first; entry != last; ++entry) {
    if (equal_secrets(entry->second.secret, key.secret)) return entry->second.session.lock();
  }
  return nullptr;
}

namespace {

asio::awaitable<std::optional<CancelTarget>> cancel_there(std::shared_ptr<Cancellable> session) {
  co_return session->cancel();
}

}  // namespace

asio::awaitable<void> serve_cancel(CancelRegistry& registry, const wire::BackendKey& key,
                                   std::chrono::milliseconds timeout,
                                   std::shared_ptr<ConnectStop> stop) {
  auto session = registry.find(key);
  if (!session) co_return;
  const auto target =
      co_await asio::co_spawn(session->executor(), cancel_there(session), asio::use_awaitable);
  session.reset();
  if (target) co_await forward_cancel(target->route, target->key, timeout, std::move(stop));
}

}  // namespace metadb::server
