// The front end: listening sockets, io threads and the sessions on them.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/command_pool.h"
#include "server/commands/command.h"
#include "server/descriptor.h"
#include "server/session.h"
#include "server/upstream.h"

namespace metadb::server {

struct FrontEndOptions {
  std::vector<std::string> addresses{"127.0.0.1"};
  uint16_t port = 8550;          // 0: any free one
  std::string socket_directory;  // of .s.PGSQL.PORT; empty: none
  int io_threads = 1;
  UpstreamOptions upstream;
  SessionOptions session;
  SessionPolicy policy;
};

// Accepts connections and spreads them over the io threads. A connection stays on its thread, so
// sessions need no locks. start() and stop() are called by one thread, which is none of these.
class FrontEnd {
 public:
  // `runner` and `pool` outlive the front end.
  FrontEnd(FrontEndOptions options, CommandRunner& runner, CommandPool& pool);
  // As stop() without patience.
  ~FrontEnd();
  FrontEnd(const FrontEnd&) = delete;
  FrontEnd& operator=(const FrontEnd&) = delete;

  // Listens and serves. Throws catalog::Error that names the address if it can't.
  void start();
  // The port that was bound; the same on every address. REQUIRES: started.
  [[nodiscard]] uint16_t port() const { return port_; }
  // New connections go there, and by that. Callable from any thread.
  void choose_upstream(UpstreamOptions upstream);
  void choose_policy(SessionPolicy policy);
  [[nodiscard]] int connections() const { return services_.connections.load(); }

  // Accepts no more, says 57P01 to each session at its next idle point, to the others when
  // `patience` is over. Returns when all sessions and threads have ended.
  void stop(std::chrono::milliseconds patience);

 private:
  struct IoThread;
  struct Listener;
  struct Listening;

  void listen_on(const std::string& address);
  boost::system::error_code listen_on(const boost::asio::ip::tcp::endpoint& endpoint);
  void listen_on_socket();
  template <typename Acceptor>
  void listen_with(Acceptor& acceptor, boost::system::error_code& error);
  void accept_from(Listener& listener);
  void accept_some(Listener& listener);
  void rest(Listener& listener, int error);
  void turn_away(Listener& listener, const Descriptor& client) const;
  [[nodiscard]] bool has_room() const;
  IoThread& next_thread();
  void hand_over(Descriptor client, ClientOrigin origin);
  void adopt(IoThread& thread, Descriptor client, ClientOrigin origin);
  void for_each_session(void (Session::*action)());

  FrontEndOptions options_;
  SessionServices services_;
  std::vector<std::unique_ptr<IoThread>> threads_;
  std::unique_ptr<Listening> listening_;  // used on the first io thread once started
  uint16_t port_ = 0;
  size_t accepted_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable session_ended_;
  size_t sessions_ = 0;       // guarded by mutex_
  bool is_stopping_ = false;  // guarded by mutex_
};

}  // namespace metadb::server
