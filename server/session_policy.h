// What a reload of the configuration can change for sessions.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "server/allow_list.h"
#include "server/wire/tls_stream.h"

namespace metadb::server {

// A session goes by the policy of the moment when it began.
struct SessionPolicy {
  wire::TlsContext tls;          // null: clients get no TLS
  bool is_tls_required = false;  // over TCP
  std::vector<AllowRule> allow;
  bool accept_backend_trust = false;  // design 10, Authentication
  int connections_max = 100;
  int connections_reserved = 3;  // of those, for superusers
  std::chrono::milliseconds login_timeout{60'000};
  std::chrono::milliseconds idle_timeout{0};  // outside a transaction; 0: none
  bool are_ends_logged = false;
};

// A value that one thread replaces and others take as it is at the moment.
template <class T>
class Published {
 public:
  explicit Published(T value) { publish(std::move(value)); }
  void publish(T value) {
    auto made = std::make_shared<const T>(std::move(value));
    const std::lock_guard lock(mutex_);
    current_ = std::move(made);
  }
  [[nodiscard]] std::shared_ptr<const T> current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> current_;
};

}  // namespace metadb::server
