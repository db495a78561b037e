// One client connection, from its first byte to its close.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "server/cancel.h"
#include "server/command_pool.h"
#include "server/commands/command.h"
#include "server/session_legs.h"
#include "server/session_relay.h"
#include "server/session_startup.h"
#include "server/upstream.h"
#include "server/wire/channel.h"

namespace metadb::server {

// Who may enter the embedded server over metadb's own Unix socket without a password.
struct EmbeddedPeer {
  uid_t owner;                            // of the data directory; root may, too
  std::string superuser = "postgres";     // only as this user
  std::function<std::string()> password;  // its password, for the challenge of the backend
};

struct SessionOptions {
  std::string database;               // where commands are taken
  bool accept_backend_trust = false;  // design 10, Authentication
  std::optional<EmbeddedPeer> peer;
  std::chrono::milliseconds login_timeout{60'000};
  std::chrono::milliseconds cancel_timeout{10'000};
};

// Where a client came from.
struct ClientOrigin {
  bool is_local = false;          // loopback or the Unix socket
  std::optional<uid_t> peer_uid;  // over the Unix socket
};

// The backing database as of now; replaced when another host turns out to be the writable one.
class UpstreamChoice {
 public:
  explicit UpstreamChoice(UpstreamOptions options) { choose(std::move(options)); }
  void choose(UpstreamOptions options) {
    auto chosen = std::make_shared<const UpstreamOptions>(std::move(options));
    const std::lock_guard lock(mutex_);
    current_ = std::move(chosen);
  }
  [[nodiscard]] std::shared_ptr<const UpstreamOptions> current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const UpstreamOptions> current_;
};

// What all sessions share; thread-safe, outlives them.
struct SessionServices {
  SessionOptions options;
  UpstreamChoice upstream;
  CommandRunner& runner;
  CommandPool& pool;
  CancelRegistry cancels;
  int connections_max = 0;
  std::atomic<int> connections = 0;  // past their start-up message
};

// The life of a connection: startup (session_startup), login (session_login), relay (session_relay
// with session_commands). Each phase is a coroutine that ends before the next begins.
//
// Lives on one io thread: everything but the constructor is called there. Owned by its coroutine,
// run(); a cancel request may hold it a moment longer, so what belongs to the io thread is freed at
// the end of run().
class Session : public Cancellable, public std::enable_shared_from_this<Session> {
 public:
  Session(wire::Channel client, ClientOrigin origin, SessionServices& services,
          wire::BufferPool& buffers);

  // REQUIRES: the session is held by a shared_ptr.
  boost::asio::awaitable<void> run();
  // Says goodbye with 57P01 at the next idle point; before the relay there is nothing to wait for.
  void begin_stop();
  // Says goodbye now, and cancels what PostgreSQL or we are running.
  void stop_now();

  [[nodiscard]] boost::asio::any_io_executor executor() const override { return executor_; }
  std::optional<CancelTarget> cancel() override;

 private:
  boost::asio::awaitable<void> serve(Greeting greeting);
  boost::asio::awaitable<bool> log_in(const Greeting& greeting);
  boost::asio::awaitable<void> relay(const Greeting& greeting);
  boost::asio::awaitable<void> refuse(std::string_view sqlstate, std::string message);
  wire::BackendKey exchange_key(wire::BackendKey backend);
  std::optional<std::string> peer_password(const wire::StartupMessage& message) const;
  void start_login_timer();
  void close();

  SessionServices& services_;
  wire::BufferPool& buffers_;
  const ClientOrigin origin_;
  boost::asio::any_io_executor executor_;
  std::optional<wire::Channel> client_;  // until there are two legs
  std::unique_ptr<SessionLegs> legs_;
  std::unique_ptr<SessionCommands> commands_;
  std::unique_ptr<Relay> relay_;
  std::unique_ptr<boost::asio::steady_timer> login_timer_;
  UpstreamEndpoint endpoint_;
  std::optional<wire::BackendKey> backend_key_;
  std::optional<wire::BackendKey> client_key_;
  bool is_stopping_ = false;
};

}  // namespace metadb::server
