// Passes TCP connections on to another port of this machine.
#pragma once

#include <cstdint>
#include <list>
#include <thread>

namespace metadb::ingest {

// Listens on 127.0.0.1:`from` and connects every client with 127.0.0.1:`to`, from one thread of
// its own, until destroyed. Throws catalog::Error 08001 if `from` is taken.
class PortRelay {
 public:
  PortRelay(uint16_t from, uint16_t to);
  ~PortRelay();
  PortRelay(const PortRelay&) = delete;
  PortRelay& operator=(const PortRelay&) = delete;

 private:
  // Closes what it holds.
  class Socket {
   public:
    explicit Socket(int fd) : fd_(fd) {}
    ~Socket();
    Socket(Socket&& other) noexcept;
    Socket& operator=(Socket&&) = delete;
    [[nodiscard]] int fd() const { return fd_; }

   private:
    int fd_;
  };
  struct Pair {
    Socket client;
    Socket server;
  };

  void run();
  void accept_client();

  const uint16_t to_;
  Socket listener_;
  Socket stop_;  // an eventfd
  std::list<Pair> pairs_;
  std::thread thread_;
};

}  // namespace metadb::ingest
