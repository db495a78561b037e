// Cancel requests: which session a key belongs to, and what is to be done there.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "server/upstream.h"
#include "server/wire/messages.h"

namespace metadb::server {

// The backend that a cancel request has to go to.
struct CancelTarget {
  UpstreamRoute route;
  wire::BackendKey key;
};

// A session that can be cancelled.
class Cancellable {
 public:
  virtual ~Cancellable() = default;
  [[nodiscard]] virtual boost::asio::any_io_executor executor() const = 0;
  // Called on that executor. Stops a command of ours if one runs; otherwise names the backend.
  virtual std::optional<CancelTarget> cancel() = 0;
};

// The keys that were given to clients: the backend's real PID, with a secret of our own.
// Thread-safe; touched at login, at the end of a session and by cancel requests only.
class CancelRegistry {
 public:
  void add(const wire::BackendKey& key, std::weak_ptr<Cancellable> session);
  void remove(const wire::BackendKey& key);
  // Null if no session has this key. Secrets are compared in constant time.
  std::shared_ptr<Cancellable> find(const wire::BackendKey& key);

 private:
  struct Entry {
    std::string secret;
    std::weak_ptr<Cancellable> session;
  };
  std::mutex mutex_;
  // Backends of several hosts can have the same PID.
  std::unordered_multimap<uint32_t, Entry> entries_;
};

// Carries a cancel request out. Returns when PostgreSQL has taken it, so that the client's socket
// closes only then: a client that starts its next query on seeing that must not be hit.
boost::asio::awaitable<void> serve_cancel(CancelRegistry& registry, const wire::BackendKey& key,
                                          std::chrono::milliseconds timeout,
                                          std::shared_ptr<ConnectStop> stop);

}  // namespace metadb::server
