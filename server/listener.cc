#include "server/listener.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <thread>
#include <unordered_set>

#include "catalog/error.h"

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

// On the executor of a Channel.
template <typename Protocol>
using Accepted = asio::basic_stream_socket<Protocol, wire::Channel::Executor>;

ClientOrigin origin_of(const Accepted<tcp>& socket) {
  error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  // One that is gone already has the address 0.0.0.0, which is not local.
  return {address, endpoint.port(), std::nullopt};
}

ClientOrigin origin_of(Accepted<stream_protocol>& socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  const bool is_known =
      ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
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

struct FrontEnd::IoThread {
  // One thread runs it and does everything with the sockets on it; others only post. So the locks
  // around each socket can go.
  asio::io_context context{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  wire::BufferPool buffers;
  std::unordered_set<Session*> sessions;  // used on this thread
  std::thread thread;
};

struct FrontEnd::Listening {
  std::list<tcp::acceptor> tcp_acceptors;
  std::list<stream_protocol::acceptor> local_acceptors;
  std::string socket_path;

  void close() {
    error_code ignored;
    for (auto& acceptor : tcp_acceptors) acceptor.close(ignored);
    for (auto& acceptor : local_acceptors) acceptor.close(ignored);
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
  for (auto& acceptor : listening_->tcp_acceptors) accept_from(acceptor);
  for (auto& acceptor : listening_->local_acceptors) accept_from(acceptor);
  for (auto& thread : threads_) {
    thread->thread = std::thread([&context = thread->context] { context.run(); });
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
  tcp::resolver resolver(threads_.front()->context);
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
  tcp::acceptor acceptor(threads_.front()->context);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) {
    acceptor.set_option(asio::ip::v6_only(true), error);
  }
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kBacklog, error);
  if (error) return error;
  port_ = acceptor.local_endpoint().port();
  listening_->tcp_acceptors.push_back(std::move(acceptor));
  return error;
}

// A socket file that a dead server left behind is replaced; a living one is not.
void FrontEnd::listen_on_socket() {
  const std::string path = fmt::format("{}/.s.PGSQL.{}", options_.socket_directory, port_);
  asio::io_context& context = threads_.front()->context;
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
  if (error) throw cannot_listen(path, error);
  listening_->socket_path = path;
  listening_->local_acceptors.push_back(std::move(acceptor));
}

// Accepting goes on whatever happens.
template <typename Acceptor>
void FrontEnd::accept_from(Acceptor& acceptor) {
  asio::co_spawn(acceptor.get_executor(), accept(acceptor),
                 [this, &acceptor](const std::exception_ptr& error) {
                   if (!error) return;
                   spdlog::error("accepting connections failed: {}", reason_of(error));
                   accept_from(acceptor);
                 });
}

template <typename Acceptor>
asio::awaitable<void> FrontEnd::accept(Acceptor& acceptor) {
  using Clock = std::chrono::steady_clock;
  const auto protocol = acceptor.local_endpoint().protocol();
  std::optional<Clock::time_point> complained;
  for (;;) {
    Accepted<typename Acceptor::protocol_type> socket(threads_.front()->context);
    error_code error;
    co_await acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
    if (!acceptor.is_open()) co_return;
    if (error) {
      if (!complained || Clock::now() - *complained >= kComplaintPause) {
        spdlog::warn("connections cannot be accepted: {}", error.message());
        complained = Clock::now();
      }
      asio::steady_timer pause(acceptor.get_executor(), kAcceptPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      if (!acceptor.is_open()) co_return;
      continue;
    }
    if (!has_room()) continue;
    const ClientOrigin origin = origin_of(socket);
    Descriptor client(socket.release(error));
    if (client) hand_over(std::move(client), protocol, origin);
  }
}

// A socket is known to the loop of one thread only: its own makes it one of Asio's again.
void FrontEnd::hand_over(Descriptor client, const asio::generic::stream_protocol& protocol,
                         const ClientOrigin& origin) {
  IoThread& thread = next_thread();
  asio::post(thread.context,
             [this, &thread, client = std::move(client), protocol, origin]() mutable {
               wire::Channel::Socket socket(thread.context);
               error_code error;
               socket.assign(protocol, client.get(), error);
               if (error) return spdlog::warn("a connection cannot be served: {}", error.message());
               static_cast<void>(client.release());
               adopt(thread, wire::Channel(std::move(socket)), origin);
             });
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
void FrontEnd::adopt(IoThread& thread, wire::Channel client, ClientOrigin origin) {
  {
    const std::lock_guard lock(mutex_);
    if (is_stopping_) return;
    ++sessions_;
  }
  auto session = std::make_shared<Session>(std::move(client), origin, services_, thread.buffers);
  thread.sessions.insert(session.get());
  asio::co_spawn(thread.context, session->run(),
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
    asio::post(thread->context, [&sessions = thread->sessions, action] {
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
  asio::post(threads_.front()->context, [this] { listening_->close(); });
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
  for (auto& thread : threads_) thread->work.reset();
  for (auto& thread : threads_) thread->thread.join();
}

}  // namespace metadb::server
