// One leg of a connection: a non-blocking byte stream on one io thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/wire/frame.h"
#include "server/wire/tls_stream.h"

namespace metadb::server::wire {

// Reads and writes are tried at once and wait only if the system says so: a query then costs no
// trip through the event loop that the kernel does not ask for. Nothing above this class knows
// whether the stream is plain or TLS.
// Lives on one io thread. At most one coroutine reads and one writes at a time. After the peer has
// gone, or close(), every operation says "end"; no exception leaves this class.
class Channel {
 public:
  // The io thread's own type: any_io_executor would be asked what it is by every operation.
  using Executor = boost::asio::io_context::executor_type;
  using Socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, Executor>;

  // Takes an open socket; sets TCP_NODELAY and keep-alive where it is TCP.
  explicit Channel(Socket socket);

  // Goes on as TLS. The reason if the handshake fails; the stream is of no use then.
  // REQUIRES: no byte of the handshake was read. `peer` counts for a client; give a named object:
  // g++ 12 destroys a temporary aggregate in a co_await expression twice.
  boost::asio::awaitable<std::optional<std::string>> start_tls(TlsContext context,
                                                               TlsStream::Role role, TlsPeer peer);
  // Null while the stream is plain.
  [[nodiscard]] const TlsStream* tls() const { return tls_.get(); }

  // Adds what comes next to `frames` and calls done(true), or done(false) at the end of the stream;
  // never before it returns, so that one stream can't keep the thread. `is_more_expected` as in
  // FrameBuffer::resting_space(). REQUIRES: frames.run() is empty; both outlive the call of `done`.
  template <typename Done>
  void async_fill(FrameBuffer& frames, bool is_more_expected, Done done);

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
  // Ends waiting coroutines too.
  void close();
  // The stream broke (reset by the peer), rather than ended.
  [[nodiscard]] bool is_broken() const { return is_broken_; }
  [[nodiscard]] Socket& socket() { return socket_; }

 private:
  using ErrorCode = boost::system::error_code;

  boost::asio::awaitable<bool> wait(Socket::wait_type what);
  // What to wait for before trying to read again.
  [[nodiscard]] Socket::wait_type reading() const {
    return tls_ && tls_->read_wants_write() ? Socket::wait_write : Socket::wait_read;
  }
  template <typename Done>
  void async_fill_decrypted(FrameBuffer& frames, Done done);
  // False at the end of the stream.
  bool took(const ErrorCode& error);
  void read_on(FrameBuffer& frames);

  Socket socket_;
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

template <typename Done>
void Channel::async_fill(FrameBuffer& frames, bool is_more_expected, Done done) {
  if (tls_) return async_fill_decrypted(frames, std::move(done));
  const std::span<char> space = frames.resting_space(is_more_expected);
  socket_.async_read_some(
      boost::asio::buffer(space.data(), space.size()),
      [this, &frames, done = std::move(done)](const ErrorCode& error, size_t bytes) mutable {
        if (!took(error)) {
          frames.release_if_empty();
          return done(false);
        }
        frames.added(bytes);
        read_on(frames);
        done(true);
      });
}

// OpenSSL may hold bytes that no event will announce: it is asked before waiting.
template <typename Done>
void Channel::async_fill_decrypted(FrameBuffer& frames, Done done) {
  const std::optional<size_t> bytes = try_read(frames.space());
  if (bytes) {
    frames.added(*bytes);
    const bool is_more = *bytes > 0;
    if (!is_more) frames.release_if_empty();
    return boost::asio::post(socket_.get_executor(),
                             [is_more, done = std::move(done)]() mutable { done(is_more); });
  }
  frames.release_if_empty();
  socket_.async_wait(reading(), [this, &frames, done = std::move(done)](const ErrorCode&) mutable {
    // An error is met again by the read.
    const std::optional<size_t> found = try_read(frames.space());
    if (!found) return async_fill_decrypted(frames, std::move(done));
    frames.added(*found);
    if (*found == 0) frames.release_if_empty();
    done(*found > 0);
  });
}

}  // namespace metadb::server::wire
