#include "server/session.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/auth.h"
#include "server/command_pool_call.h"
#include "server/wire/messages.h"
#include "server/wire/sqlstate.h"

namespace metadb::server {

namespace asio = boost::asio;

namespace {

// At the end of the server: how long PostgreSQL may take to hear of it.
constexpr std::chrono::seconds kLastCancelTimeout{2};

// One place among max_connections, held for the length of a session.
class Place {
 public:
  explicit Place(std::atomic<int>& connections)
      : connections_(connections), number_(connections.fetch_add(1) + 1) {}
  ~Place() { connections_.fetch_sub(1); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  // Counts from 1.
  [[nodiscard]] int number() const { return number_; }

 private:
  std::atomic<int>& connections_;
  int number_;
};

wire::Report fatal_report(std::string_view sqlstate, std::string message, std::string hint = {}) {
  wire::Report report;
  report.severity = "FATAL";
  report.sqlstate = sqlstate;
  report.message = std::move(message);
  report.hint = std::move(hint);
  return report;
}

// Runs a question to PostgreSQL on the pool and comes back to the io thread with the answer.
asio::awaitable<std::variant<ScramVerifier, catalog::Error>> ask(CommandPool& pool,
                                                                 const VerifierSource& source,
                                                                 std::string user) {
  if (!source) co_return catalog::Error(wire::sqlstate::kInsufficientPrivilege, "no superuser");
  const auto question = [&source, user = std::move(user)] { return source(user); };
  std::optional<catalog::Error> failed;
  try {
    auto answer = co_await run_on(pool, CommandLane::login, question);
    co_return std::move(answer);
  } catch (const catalog::Error& error) {
    failed = error;
  }
  co_return *failed;
}

// Runs work that takes long, on the pool if it has a thread.
asio::awaitable<void> run_elsewhere(CommandPool& pool, std::function<void()> work) {
  const auto job = [&work] {
    work();
    return true;
  };
  try {
    co_await run_on(pool, CommandLane::key, job);
  } catch (const catalog::Error&) {
    work();
  }
}

}  // namespace

std::string ClientOrigin::name() const {
  if (!address) return "[local]";
  return address->is_v6() ? fmt::format("[{}]:{}", address->to_string(), port)
                          : fmt::format("{}:{}", address->to_string(), port);
}

Session::Session(wire::Channel client, ClientOrigin origin, SessionServices& services,
                 wire::BufferPool& buffers)
    : services_(services),
      buffers_(buffers),
      origin_(std::move(origin)),
      policy_(services.policy.current()),
      loop_(client.loop()),
      client_(std::move(client)) {}

asio::awaitable<void> Session::run() {
  start_login_timer();
  wire::TlsContext tls;
  if (origin_.address) tls = policy_->tls;  // as PostgreSQL: none over a Unix socket
  auto hello = co_await negotiate(*client_, std::move(tls));
  if (auto* greeting = std::get_if<Greeting>(&hello)) {
    co_await serve(std::move(*greeting));
  } else if (auto* request = std::get_if<wire::CancelRequest>(&hello)) {
    const wire::BackendKey key{request->pid, std::move(request->secret)};
    co_await serve_cancel(services_.cancels, key, services_.options.cancel_timeout, connect_stop_);
  } else if (const auto& reason = std::get<NoGreeting>(hello).reason;
             !reason.empty() && login_timer_) {
    spdlog::info("a connection from {} ended before its login: {}", origin_.name(), reason);
  }
  login_timer_.reset();
  idle_timer_.reset();
  close();
  relay_.reset();
  commands_.reset();
  legs_.reset();
  client_.reset();
}

asio::awaitable<void> Session::serve(Greeting greeting) {
  is_greeted_ = true;
  const Place place(services_.connections);
  auto refusal = objection(greeting.message);
  if (!refusal && place.number() > policy_->connections_max) {
    refusal = fatal_report(wire::sqlstate::kTooManyConnections, "sorry, too many clients already");
  }
  if (refusal) {
    co_await refuse(std::move(*refusal));
    co_return;
  }
  const int unreserved = policy_->connections_max - policy_->connections_reserved;
  const bool is_in = co_await enter(greeting, place.number() > unreserved);
  if (is_in) {
    login_timer_.reset();
    co_await relay(greeting);
  }
  if (client_key_) services_.cancels.remove(*client_key_);
  if (policy_->are_ends_logged) log_end(greeting.message);
}

// What speaks against a client before PostgreSQL is asked.
std::optional<wire::Report> Session::objection(const wire::StartupMessage& message) const {
  const bool is_encrypted = client_->tls() != nullptr;
  if (policy_->is_tls_required && origin_.address && !is_encrypted) {
    return fatal_report(wire::sqlstate::kInvalidAuthorization,
                        "this server takes only TLS connections", "Connect with sslmode=require.");
  }
  const Arrival arrival{origin_.address, is_encrypted, message.is_physical_replication,
                        message.user, message.database};
  if (is_allowed(policy_->allow, arrival)) return std::nullopt;
  const std::string who = description(arrival);
  spdlog::info("a connection from {} was rejected by auth.allow: {}", origin_.name(), who);
  return fatal_report(wire::sqlstate::kInvalidAuthorization,
                      fmt::format("the server's allow list rejects connection for {}", who));
}

// Both legs and the login; false if there is no session.
asio::awaitable<bool> Session::enter(const Greeting& greeting, bool is_for_superusers) {
  const bool is_connected = co_await connect(false);
  if (!is_connected) co_return false;
  LoginOutcome outcome = co_await log_in(greeting, is_for_superusers);
  if (outcome == LoginOutcome::wants_tls) {
    const bool is_reconnected = co_await connect(true);
    if (!is_reconnected) co_return false;
    outcome = co_await log_in(greeting, is_for_superusers);
  }
  co_return outcome == LoginOutcome::ready;
}

asio::awaitable<bool> Session::connect(bool with_tls) {
  const auto upstream = services_.upstream.current();
  auto connected = co_await connect_upstream(*upstream, with_tls, *connect_stop_);
  // The client's time may have run out meanwhile.
  if (legs_) {
    client_.emplace(std::move(legs_->client));
    legs_.reset();
  }
  if (auto* failure = std::get_if<UpstreamFailure>(&connected)) {
    co_await refuse(fatal_report(failure->sqlstate, std::move(failure->reason)));
    co_return false;
  }
  auto& connection = std::get<UpstreamConnection>(connected);
  route_ = connection.route;
  legs_ =
      std::make_unique<SessionLegs>(std::move(*client_), std::move(connection.channel), buffers_);
  client_.reset();
  co_return true;
}

asio::awaitable<LoginOutcome> Session::log_in(const Greeting& greeting, bool is_for_superusers) {
  LoginRules rules;
  rules.user = greeting.message.user;
  rules.is_trust_accepted = policy_->accept_backend_trust && origin_.is_local();
  rules.password = peer_password(greeting.message);
  rules.is_for_superusers = is_for_superusers;
  rules.can_retry_with_tls = services_.upstream.current()->tls.mode == SslMode::allow &&
                             legs_->upstream.tls() == nullptr && route_.is_tcp();
  Login login(
      *legs_, std::move(rules),
      [this](wire::BackendKey key) { return exchange_key(std::move(key)); },
      [this](std::string user) {
        return ask(services_.pool, services_.options.verifiers, std::move(user));
      },
      [this](std::function<void()> work) {
        return run_elsewhere(services_.pool, std::move(work));
      });
  co_return co_await login.run(greeting.packet);
}

asio::awaitable<void> Session::relay(const Greeting& greeting) {
  const wire::StartupMessage& message = greeting.message;
  if (message.database == services_.options.database && !message.is_replication) {
    Caller caller{message.user, message.database, origin_.is_local(),
                  backend_key_ ? static_cast<int>(backend_key_->pid) : 0};
    commands_ = std::make_unique<SessionCommands>(*legs_, services_.runner, services_.pool,
                                                  std::move(caller));
  }
  const bool is_timed = policy_->idle_timeout.count() > 0;
  relay_ = std::make_unique<Relay>(*legs_, commands_.get(), is_timed);
  if (is_stopping_) relay_->begin_stop();
  if (is_timed) watch_idleness();
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

asio::awaitable<void> Session::refuse(wire::Report report) {
  std::string out;
  wire::append_error(out, report);
  co_await client_->write(out);
}

std::optional<CancelTarget> Session::cancel() {
  if (commands_ && commands_->cancel()) return std::nullopt;
  if (!backend_key_) return std::nullopt;
  return CancelTarget{route_, *backend_key_};
}

void Session::begin_stop() {
  is_stopping_ = true;
  if (relay_) {
    relay_->begin_stop();
  } else {
    say_last(wire::sqlstate::kAdminShutdown, "terminating connection due to administrator command");
    close();
  }
}

void Session::stop_now() {
  const auto target = cancel();
  const bool is_busy = legs_ && (legs_->status != 'I' || !legs_->replies.is_empty());
  if (target && is_busy) {
    asio::co_spawn(executor(),
                   forward_cancel(target->route, target->key, kLastCancelTimeout,
                                  std::make_shared<ConnectStop>()),
                   asio::detached);
  }
  if (relay_) {
    relay_->stop_now(wire::sqlstate::kAdminShutdown,
                     "terminating connection due to administrator command");
  }
  close();
}

void Session::start_login_timer() {
  login_timer_.emplace(loop_);
  const auto deadline = std::chrono::steady_clock::now() + policy_->login_timeout;
  login_timer_->start(deadline, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || !self->login_timer_) return;
    spdlog::info("a connection from {} ended: its login took too long", self->origin_.name());
    self->login_timer_.reset();
    self->say_last(wire::sqlstate::kQueryCanceled, "canceling authentication due to timeout");
    self->close();
  });
}

// Wakes when a session that has done nothing since would have been idle for too long.
void Session::watch_idleness() {
  if (!idle_timer_) idle_timer_ = std::make_unique<wire::Timer>(loop_);
  const auto limit = policy_->idle_timeout;
  idle_timer_->start(relay_->last_activity() + limit, [weak = weak_from_this(), limit] {
    const auto self = weak.lock();
    if (!self || !self->idle_timer_ || !self->relay_) return;
    if (!self->legs_->is_idle()) self->relay_->note_activity();
    if (std::chrono::steady_clock::now() < self->relay_->last_activity() + limit) {
      self->watch_idleness();
      return;
    }
    self->relay_->stop_now(wire::sqlstate::kIdleSessionTimeout,
                           "terminating connection due to idle-session timeout");
  });
}

void Session::log_end(const wire::StartupMessage& message) const {
  const auto lasted = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_);
  spdlog::info("a connection from {} as \"{}\" to database \"{}\" ended after {:.3f} s",
               origin_.name(), message.user, message.database, lasted.count());
}

// Before the relay: as far as it goes at once, and only to a client that will understand.
void Session::say_last(std::string_view sqlstate, std::string message) {
  if (!is_greeted_) return;
  std::string out;
  wire::append_error(out, fatal_report(sqlstate, std::move(message)));
  if (client_) client_->try_write(out);
  if (legs_ && legs_->from_upstream.at_boundary()) legs_->client.try_write(out);
}

void Session::close() {
  connect_stop_->request();
  if (client_) client_->close();
  if (legs_) legs_->close();
}

}  // namespace metadb::server
