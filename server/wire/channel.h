// One leg of a connection: a non-blocking byte stream on one io thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/descriptor.h"
#include "server/wire/event_loop.h"
#include "server/wire/frame.h"
#include "server/wire/tls_stream.h"

namespace metadb::server::wire {

// Reads and writes are tried at once and wait only if the system says so: a query then costs no
// trip through the event loop that the kernel does not ask for. Nothing above this class knows
// whether the stream is plain or TLS.
// Lives on one io thread. At most one reads and one writes at a time, coroutine or callback. After
// the peer has gone, or close(), every operation says "end"; no exception leaves this class but
// from its constructor.
class Channel {
 public:
  // Sets O_NONBLOCK, and TCP_NODELAY and keep-alive where it is TCP. `socket` may be connecting
  // still: connected() says how that went. Throws std::system_error if there is no room for it.
  Channel(Descriptor socket, EventLoop& loop);

  // Returns when the connection is made: 0, or the system's error number.
  boost::asio::awaitable<int> connected();
  // Goes on as TLS. The reason if the handshake fails; the stream is of no use then.
  // REQUIRES: no byte of the handshake was read. `peer` counts for a client; give a named object:
  // g++ 12 destroys a temporary aggregate in a co_await expression twice.
  boost::asio::awaitable<std::optional<std::string>> start_tls(TlsContext context,
                                                               TlsStream::Role role, TlsPeer peer);
  // Whether TLS wipes its own copy of what was read.
  void wipe_what_was_read(bool is_wiped);
  // Null while the stream is plain.
  [[nodiscard]] const TlsStream* tls() const { return tls_.get(); }

  // Calls when it is worth trying to read, never before it returns, so that one stream can't keep
  // the thread.
  void when_readable(Callback callback);
  // What fill_now() has to say.
  enum class Filled { some, nothing, end };
  // Adds what is there to `frames`, up to a buffer full. REQUIRES: frames.run() is empty.
  Filled fill_now(FrameBuffer& frames);
  // As when_readable(), for try_write(). REQUIRES: try_write() has just left something.
  void when_writable(Callback callback);

  // Returns when it is worth trying to read again. REQUIRES: try_read() just found nothing.
  boost::asio::awaitable<void> readable();
  // The next byte, which stays unread; nullopt at the end of the stream. REQUIRES: no TLS.
  boost::asio::awaitable<std::optional<char>> peek();
  // How many bytes were read; 0 at the end of the stream; nullopt if none are here yet.
  std::optional<size_t> try_read(std::span<char> space);
  // How many bytes were taken; fewer than given if the peer does not keep up, or is gone.
  size_t try_write(std::string_view bytes);
  // Writes all of it; false if the peer is gone.
  boost::asio::awaitable<bool> write(std::string_view bytes);

  // The peer sees the end of the stream and can still be read from.
  void shutdown_send();
  // Ends waiting coroutines too, and calls callbacks.
  void close();
  [[nodiscard]] bool is_open() const { return watch_->is_open(); }
  // The stream broke (reset by the peer, closed here), rather than ended.
  [[nodiscard]] bool is_broken() const { return is_broken_; }
  [[nodiscard]] EventLoop& loop() const { return watch_->loop(); }

 private:
  boost::asio::awaitable<void> writable();
  std::optional<size_t> no_read(int error);

  std::unique_ptr<Watch> watch_;
  std::unique_ptr<TlsStream> tls_;
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
