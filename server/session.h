// One client connection, from its first byte to its close.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/cancel.h"
#include "server/command_pool.h"
#include "server/commands/command.h"
#include "server/session_legs.h"
#include "server/session_login.h"
#include "server/session_policy.h"
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
  std::string database;  // where commands are taken
  std::optional<EmbeddedPeer> peer;
  std::chrono::milliseconds cancel_timeout{10'000};
  VerifierSource verifiers;  // empty: none can be read
};

// Where a client came from.
struct ClientOrigin {
  std::optional<boost::asio::ip::address> address;  // none over the Unix socket
  uint16_t port = 0;
  std::optional<uid_t> peer_uid;  // over the Unix socket

  // Over loopback or the Unix socket.
  [[nodiscard]] bool is_local() const { return !address || address->is_loopback(); }
  // For the log: "127.0.0.1:54321" or "[local]".
  [[nodiscard]] std::string name() const;
};

// What all sessions share; thread-safe, outlives them.
struct SessionServices {
  SessionOptions options;
  Published<SessionPolicy> policy;
  // The backing database as of now; replaced when another host turns out to be the writable one.
  Published<UpstreamOptions> upstream;
  CommandRunner& runner;
  CommandPool& pool;
  CancelRegistry cancels;
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

  [[nodiscard]] boost::asio::any_io_executor executor() const override { return loop_.executor(); }
  std::optional<CancelTarget> cancel() override;

 private:
  boost::asio::awaitable<void> serve(Greeting greeting);
  boost::asio::awaitable<bool> enter(const Greeting& greeting, bool is_for_superusers);
  boost::asio::awaitable<bool> connect(bool with_tls);
  boost::asio::awaitable<LoginOutcome> log_in(const Greeting& greeting, bool is_for_superusers);
  [[nodiscard]] std::optional<wire::Report> objection(const wire::StartupMessage& message) const;
  boost::asio::awaitable<void> relay(const Greeting& greeting);
  boost::asio::awaitable<void> refuse(wire::Report report);
  wire::BackendKey exchange_key(wire::BackendKey backend);
  std::optional<std::string> peer_password(const wire::StartupMessage& message) const;
  void start_login_timer();
  void watch_idleness();
  void log_end(const wire::StartupMessage& message) const;
  void say_last(std::string_view sqlstate, std::string message);
  void close();

  SessionServices& services_;
  wire::BufferPool& buffers_;
  const ClientOrigin origin_;
  const std::shared_ptr<const SessionPolicy> policy_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  wire::EventLoop& loop_;
  std::optional<wire::Channel> client_;  // until there are two legs
  std::unique_ptr<SessionLegs> legs_;
  std::unique_ptr<SessionCommands> commands_;
  std::unique_ptr<Relay> relay_;
  std::optional<wire::Timer> login_timer_;
  std::unique_ptr<wire::Timer> idle_timer_;
  const std::shared_ptr<ConnectStop> connect_stop_ = std::make_shared<ConnectStop>();
  UpstreamRoute route_;
  std::optional<wire::BackendKey> backend_key_;
  std::optional<wire::BackendKey> client_key_;
  bool is_greeted_ = false;  // the client has said that it speaks the protocol
  bool is_stopping_ = false;
};

}  // namespace metadb::server
