#include "server/listener.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <list>
#include <system_error>
#include <thread>
#include <unordered_set>

#include "catalog/error.h"
#include "server/wire/messages.h"
#include "server/wire/sqlstate.h"

namespace metadb::server {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::local::stream_protocol;
using boost::system::error_code;

namespace {

// How long accepting rests when the process has no descriptor left.
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr int kBacklog = 1024;
// How often a failure to accept is logged.
constexpr std::chrono::minutes kComplaintPause{1};
// Connections beyond max_connections that may be on their way in: cancel requests, and clients that
// are to be told that there is no place.
constexpr size_t kGuestsMax = 100;

// Connections that are accepted before others have their turn.
constexpr int kAcceptsAtOnce = 16;

// What is said once a minute at most.
class Complaint {
 public:
  bool is_due(wire::Timer::Clock::time_point now) {
    if (last_ && now - *last_ < kComplaintPause) return false;
    last_ = now;
    return true;
  }

 private:
  std::optional<wire::Timer::Clock::time_point> last_;
};

ClientOrigin origin_of(const tcp::endpoint& endpoint) {
  auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return {address, endpoint.port(), std::nullopt};
}

ClientOrigin origin_of(int fd, const sockaddr_storage& address, socklen_t size) {
  if (address.ss_family != AF_UNIX) {
    tcp::endpoint endpoint;
    endpoint.resize(size);
    std::memcpy(endpoint.data(), &address, size);
    return origin_of(endpoint);
  }
  ucred peer{};
  socklen_t peer_size = sizeof peer;
  const bool is_known = ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_size) == 0;
  return {std::nullopt, 0, is_known ? std::optional(peer.uid) : std::nullopt};
}

std::string reason_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  }
}

catalog::Error cannot_listen(const std::string& where, const error_code& error) {
  return {"58000", fmt::format("cannot listen on {}: {}", where, error.message())};
}

}  // namespace

// One thread runs the loop and does everything with the sockets on it; others only post.
struct FrontEnd::IoThread {
  wire::BufferPool buffers;  // sessions that the loop still holds at its end give theirs back
  wire::EventLoop loop;
  std::unordered_set<Session*> sessions;  // used on this thread
  std::thread thread;
};

struct FrontEnd::Listener {
  Listener(wire::EventLoop& loop, Descriptor socket)
      : watch(loop, std::move(socket)), pause(loop) {}
  wire::Watch watch;
  wire::Timer pause;
  Complaint failures;
  Complaint crowd;
  size_t turned_away = 0;  // and not told of yet
};

struct FrontEnd::Listening {
  asio::io_context context;  // of names and sockets until they listen; never run
  std::list<Listener> listeners;
  std::string socket_path;

  void close() {
    listeners.clear();
    if (!socket_path.empty()) ::unlink(socket_path.c_str());
    socket_path.clear();
  }
};

FrontEnd::FrontEnd(FrontEndOptions options, CommandRunner& runner, CommandPool& pool)
    : options_(std::move(options)),
      services_{options_.session,
                Published<SessionPolicy>(options_.policy),
                Published<UpstreamOptions>(options_.upstream),
                runner,
                pool,
                {}},
      listening_(std::make_unique<Listening>()),
      port_(options_.port) {
  for (int i = 0; i < std::max(1, options_.io_threads); ++i) {
    threads_.push_back(std::make_unique<IoThread>());
  }
}

FrontEnd::~FrontEnd() {
  stop(std::chrono::milliseconds(0));
}

void FrontEnd::start() {
  for (const std::string& address : options_.addresses) listen_on(address);
  if (!options_.socket_directory.empty()) listen_on_socket();
  for (Listener& listener : listening_->listeners) accept_from(listener);
  for (auto& thread : threads_) {
    thread->thread = std::thread([&loop = thread->loop] { loop.run(); });
  }
}

// A name can mean several addresses: ::1 and 127.0.0.1 for localhost.
void FrontEnd::listen_on(const std::string& address) {
  const std::string where = fmt::format("{}:{}", address, port_);
  // The resolver would take it for every address there is.
  if (address.empty()) {
    throw catalog::Error("22023", "cannot listen on an empty address")
        .with_hint("0.0.0.0 and :: mean all addresses.");
  }
  error_code error;
  tcp::resolver resolver(listening_->context);
  const auto found =
      resolver.resolve(address, std::to_string(port_), tcp::resolver::passive, error);
  if (error) throw cannot_listen(where, error);
  bool is_listening = false;
  for (const auto& result : found) {
    tcp::endpoint endpoint = result.endpoint();
    endpoint.port(port_);
    error = listen_on(endpoint);
    // A machine without IPv6 has names for it all the same.
    const bool is_absent = error == asio::error::address_family_not_supported ||
                           error == boost::system::errc::address_not_available;
    if (error && !is_absent) throw cannot_listen(where, error);
    is_listening = is_listening || !error;
  }
  if (!is_listening) throw cannot_listen(where, error);
}

error_code FrontEnd::listen_on(const tcp::endpoint& endpoint) {
  error_code error;
  tcp::acceptor acceptor(listening_->context);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) {
    acceptor.set_option(asio::ip::v6_only(true), error);
  }
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kBacklog, error);
  if (error) return error;
  port_ = acceptor.local_endpoint().port();
  listen_with(acceptor, error);
  return error;
}

// A socket file that a dead server left behind is replaced; a living one is not.
void FrontEnd::listen_on_socket() {
  const std::string path = fmt::format("{}/.s.PGSQL.{}", options_.socket_directory, port_);
  asio::io_context& context = listening_->context;
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    throw cannot_listen(path, asio::error::name_too_long);
  }
  const stream_protocol::endpoint endpoint(path);
  error_code error;
  stream_protocol::socket probe(context);
  probe.connect(endpoint, error);
  if (!error) throw cannot_listen(path, asio::error::address_in_use);
  if (error == asio::error::connection_refused) ::unlink(path.c_str());
  stream_protocol::acceptor acceptor(context);
  error.clear();
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.bind(endpoint, error);
  constexpr mode_t kForAll = 0777;
  if (!error && ::chmod(path.c_str(), kForAll) != 0) {
    error = error_code(errno, boost::system::system_category());
  }
  if (!error) acceptor.listen(kBacklog, error);
  if (!error) listen_with(acceptor, error);
  if (error) throw cannot_listen(path, error);
  listening_->socket_path = path;
}

// From now on it is watched by the first io thread.
template <typename Acceptor>
void FrontEnd::listen_with(Acceptor& acceptor, error_code& error) {
  acceptor.non_blocking(true, error);
  Descriptor socket;
  if (!error) socket = Descriptor(acceptor.release(error));
  if (socket) listening_->listeners.emplace_back(threads_.front()->loop, std::move(socket));
}

// Accepting goes on whatever happens.
void FrontEnd::accept_from(Listener& listener) {
  listener.watch.when_readable([this, &listener] { accept_some(listener); });
}

void FrontEnd::accept_some(Listener& listener) {
  for (int i = 0; i < kAcceptsAtOnce; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    Descriptor client(::accept4(listener.watch.fd(), reinterpret_cast<sockaddr*>(&address), &size,
                                SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client) {
      if (!has_room()) {
        turn_away(listener, client);
        continue;
      }
      ClientOrigin origin = origin_of(client.get(), address, size);
      hand_over(std::move(client), std::move(origin));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      listener.watch.read_nothing();
      break;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return rest(listener, errno);
    }
  }
  accept_from(listener);
}

// There may be a descriptor again soon.
void FrontEnd::rest(Listener& listener, int error) {
  const auto now = wire::Timer::Clock::now();
  if (listener.failures.is_due(now)) {
    spdlog::warn("connections cannot be accepted: {}",
                 error_code(error, boost::system::system_category()).message());
  }
  listener.pause.start(now + kAcceptPause, [this, &listener] { accept_from(listener); });
}

void FrontEnd::hand_over(Descriptor client, ClientOrigin origin) {
  IoThread& thread = next_thread();
  asio::post(thread.loop.executor(),
             [this, &thread, client = std::move(client), origin = std::move(origin)]() mutable {
               try {
                 adopt(thread, std::move(client), std::move(origin));
               } catch (const std::system_error& error) {
                 spdlog::warn("a connection cannot be served: {}", error.what());
               }
             });
}

// As PostgreSQL does where it has no process for a client: told before it has said anything. One
// that is about to ask for TLS takes that for an answer, too.
void FrontEnd::turn_away(Listener& listener, const Descriptor& client) const {
  wire::Report report;
  report.severity = "FATAL";
  report.sqlstate = wire::sqlstate::kTooManyConnections;
  report.message = "sorry, too many clients already";
  std::string out;
  wire::append_error(out, report);
  static_cast<void>(::send(client.get(), out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  ++listener.turned_away;
  if (!listener.crowd.is_due(wire::Timer::Clock::now())) return;
  spdlog::warn(
      "too many connections: {} were turned away; there are max_connections = {} and {} more "
      "that have not logged in",
      listener.turned_away, services_.policy.current()->connections_max, kGuestsMax);
  listener.turned_away = 0;
}

// Those who have not said yet who they are must not use up the descriptors of those who have.
bool FrontEnd::has_room() const {
  const auto connections_max = static_cast<size_t>(services_.policy.current()->connections_max);
  const std::lock_guard lock(mutex_);
  return sessions_ < connections_max + kGuestsMax;
}

FrontEnd::IoThread& FrontEnd::next_thread() {
  return *threads_[accepted_++ % threads_.size()];
}

// On the session's own thread.
void FrontEnd::adopt(IoThread& thread, Descriptor socket, ClientOrigin origin) {
  wire::Channel client(std::move(socket), thread.loop);
  {
    const std::lock_guard lock(mutex_);
    if (is_stopping_) return;
    ++sessions_;
  }
  auto session =
      std::make_shared<Session>(std::move(client), std::move(origin), services_, thread.buffers);
  thread.sessions.insert(session.get());
  asio::co_spawn(thread.loop.executor(), session->run(),
                 [this, &thread, session](const std::exception_ptr& error) {
                   if (error) spdlog::error("a session ended by an error: {}", reason_of(error));
                   thread.sessions.erase(session.get());
                   const std::lock_guard lock(mutex_);
                   --sessions_;
                   session_ended_.notify_all();
                 });
}

void FrontEnd::choose_upstream(UpstreamOptions upstream) {
  services_.upstream.publish(std::move(upstream));
}

void FrontEnd::choose_policy(SessionPolicy policy) {
  services_.policy.publish(std::move(policy));
}

void FrontEnd::for_each_session(void (Session::*action)()) {
  for (auto& thread : threads_) {
    thread->loop.post([&sessions = thread->sessions, action] {
      // An action can't end a session at once: its coroutine takes its leave later.
      for (Session* session : sessions) (session->*action)();
    });
  }
}

void FrontEnd::stop(std::chrono::milliseconds patience) {
  if (!threads_.front()->thread.joinable()) {
    listening_->close();
    return;
  }
  threads_.front()->loop.post([this] { listening_->close(); });
  {
    std::unique_lock lock(mutex_);
    is_stopping_ = true;
    for_each_session(&Session::begin_stop);
    const auto has_none = [this] { return sessions_ == 0; };
    if (!session_ended_.wait_for(lock, patience, has_none)) {
      for_each_session(&Session::stop_now);
      session_ended_.wait(lock, has_none);
    }
  }
  for (auto& thread : threads_) thread->loop.stop();
  for (auto& thread : threads_) thread->thread.join();
}

}  // namespace metadb::server
