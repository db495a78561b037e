// One leg of a connection: a non-blocking byte stream on one io thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/wire/frame.h"

namespace metadb::server::wire {

// Reads and writes are tried at once and wait only if the system says so: a query then costs no
// trip through the event loop that the kernel does not ask for. The seam for TLS: nothing above
// this class touches a socket.
// Lives on one io thread. At most one coroutine reads and one writes at a time. After the peer has
// gone, or close(), every operation says "end"; no exception leaves this class.
class Channel {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  // Takes an open socket; sets TCP_NODELAY and keep-alive where it is TCP.
  explicit Channel(Socket socket);

  // Returns when bytes can be read or the stream has ended.
  boost::asio::awaitable<void> readable();
  // How many bytes were read; 0 at the end of the stream; nullopt if none are here yet.
  std::optional<size_t> try_read(std::span<char> space);
  // How many bytes were taken; fewer than given if the peer does not keep up, or is gone.
  size_t try_write(std::string_view bytes);
  // Writes all of it; false if the peer is gone.
  boost::asio::awaitable<bool> write(std::string_view bytes);

  // The peer sees the end of the stream and can still be read from.
  void shutdown_send();
  // Ends waiting coroutines too.
  void close();
  // The stream broke (reset by the peer), rather than ended.
  [[nodiscard]] bool is_broken() const { return is_broken_; }
  [[nodiscard]] Socket& socket() { return socket_; }

 private:
  Socket socket_;
  bool is_broken_ = false;
};

// Waits for more bytes and adds them to `frames`; false at the end of the stream.
// REQUIRES: frames.run() is empty.
boost::asio::awaitable<bool> fill(Channel& channel, FrameBuffer& frames);

// Waits until the frame at the scan point is here as a whole. nullopt at the end of the stream, or
// if the frame is larger than a buffer.
boost::asio::awaitable<std::optional<FrameHeader>> read_frame(Channel& channel,
                                                              FrameBuffer& frames);

// Reads exactly so many bytes and none beyond; false if the stream ends first.
boost::asio::awaitable<bool> read_exactly(Channel& channel, std::span<char> space);

}  // namespace metadb::server::wire
