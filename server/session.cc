#include "server/session.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "server/auth.h"
#include "server/session_login.h"
#include "server/wire/messages.h"
#include "server/wire/sqlstate.h"

namespace metadb::server {

namespace asio = boost::asio;

namespace {

// One place among max_connections, held for the length of a session.
class Place {
 public:
  explicit Place(SessionServices& services)
      : services_(services),
        is_taken_(services.connections.fetch_add(1) < services.connections_max) {}
  ~Place() { services_.connections.fetch_sub(1); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  [[nodiscard]] bool is_taken() const { return is_taken_; }

 private:
  SessionServices& services_;
  bool is_taken_;
};

}  // namespace

Session::Session(wire::Channel client, ClientOrigin origin, SessionServices& services,
                 wire::BufferPool& buffers)
    : services_(services),
      buffers_(buffers),
      origin_(origin),
      executor_(client.socket().get_executor()),
      client_(std::move(client)) {}

asio::awaitable<void> Session::run() {
  start_login_timer();
  auto hello = co_await negotiate(*client_);
  if (auto* greeting = std::get_if<Greeting>(&hello)) {
    co_await serve(std::move(*greeting));
  } else if (auto* request = std::get_if<wire::CancelRequest>(&hello)) {
    const wire::BackendKey key{request->pid, std::move(request->secret)};
    co_await serve_cancel(services_.cancels, key, services_.options.cancel_timeout);
  } else if (const auto& reason = std::get<NoGreeting>(hello).reason; !reason.empty()) {
    spdlog::info("a connection ended before its login: {}", reason);
  }
  login_timer_.reset();
  close();
  relay_.reset();
  commands_.reset();
  legs_.reset();
  client_.reset();
}

asio::awaitable<void> Session::serve(Greeting greeting) {
  const Place place(services_);
  if (!place.is_taken()) {
    co_await refuse(wire::sqlstate::kTooManyConnections, "sorry, too many clients already");
    co_return;
  }
  const auto upstream = services_.upstream.current();
  auto connected = co_await connect_upstream(*upstream);
  if (auto* failure = std::get_if<UpstreamFailure>(&connected)) {
    co_await refuse(failure->sqlstate, std::move(failure->reason));
    co_return;
  }
  auto& connection = std::get<UpstreamConnection>(connected);
  endpoint_ = connection.endpoint;
  legs_ = std::make_unique<SessionLegs>(std::move(*client_), std::move(connection.channel),
                                        buffers_, executor_);
  client_.reset();
  if (co_await log_in(greeting)) {
    login_timer_.reset();
    co_await relay(greeting);
  }
  if (client_key_) services_.cancels.remove(*client_key_);
}

asio::awaitable<bool> Session::log_in(const Greeting& greeting) {
  LoginRules rules;
  rules.user = greeting.message.user;
  rules.is_trust_accepted = services_.options.accept_backend_trust && origin_.is_local;
  rules.password = peer_password(greeting.message);
  Login login(*legs_, std::move(rules),
              [this](wire::BackendKey key) { return exchange_key(std::move(key)); });
  co_return co_await login.run(greeting.packet);
}

asio::awaitable<void> Session::relay(const Greeting& greeting) {
  const wire::StartupMessage& message = greeting.message;
  if (message.database == services_.options.database && !message.is_replication) {
    Caller caller{message.user, message.database, origin_.is_local,
                  backend_key_ ? static_cast<int>(backend_key_->pid) : 0};
    commands_ = std::make_unique<SessionCommands>(*legs_, services_.runner, services_.pool,
                                                  std::move(caller));
  }
  relay_ = std::make_unique<Relay>(*legs_, commands_.get());
  if (is_stopping_) relay_->begin_stop();
  co_await relay_->run();
}

// The secret is ours, as long as the backend's: the negotiated protocol decides its size. The PID
// stays: clients compare it with pg_backend_pid().
wire::BackendKey Session::exchange_key(wire::BackendKey backend) {
  client_key_ = wire::BackendKey{backend.pid, random_bytes(backend.secret.size())};
  backend_key_ = std::move(backend);
  services_.cancels.add(*client_key_, weak_from_this());
  return *client_key_;
}

std::optional<std::string> Session::peer_password(const wire::StartupMessage& message) const {
  const auto& peer = services_.options.peer;
  if (!peer || !origin_.peer_uid || message.user != peer->superuser) return std::nullopt;
  if (*origin_.peer_uid != peer->owner && *origin_.peer_uid != 0) return std::nullopt;
  return peer->password ? peer->password() : std::string();
}

asio::awaitable<void> Session::refuse(std::string_view sqlstate, std::string message) {
  wire::Report report;
  report.severity = "FATAL";
  report.sqlstate = sqlstate;
  report.message = std::move(message);
  std::string out;
  wire::append_error(out, report);
  co_await client_->write(out);
}

std::optional<CancelTarget> Session::cancel() {
  if (commands_ && commands_->cancel()) return std::nullopt;
  if (!backend_key_) return std::nullopt;
  return CancelTarget{endpoint_, *backend_key_};
}

void Session::begin_stop() {
  is_stopping_ = true;
  if (relay_) {
    relay_->begin_stop();
  } else {
    close();
  }
}

void Session::stop_now() {
  const auto target = cancel();
  const bool is_busy = legs_ && (legs_->status != 'I' || !legs_->replies.is_empty());
  if (target && is_busy) {
    asio::co_spawn(executor_,
                   forward_cancel(target->endpoint, target->key, services_.options.cancel_timeout),
                   asio::detached);
  }
  if (relay_) relay_->stop_now();
  close();
}

void Session::start_login_timer() {
  login_timer_ = std::make_unique<asio::steady_timer>(executor_, services_.options.login_timeout);
  login_timer_->async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = error ? nullptr : weak.lock();
    if (!self || !self->login_timer_) return;
    spdlog::info("a connection ended: its login took too long");
    self->close();
  });
}

void Session::close() {
  if (client_) client_->close();
  if (legs_) legs_->close();
}

}  // namespace metadb::server
