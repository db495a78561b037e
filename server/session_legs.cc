#include "server/session_legs.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace metadb::server {

namespace asio = boost::asio;

SessionLegs::SessionLegs(wire::Channel client_, wire::Channel upstream_, wire::BufferPool& buffers,
                         asio::any_io_executor executor)
    : client(std::move(client_)),
      upstream(std::move(upstream_)),
      from_client(buffers),
      from_upstream(buffers),
      change_(std::move(executor), asio::steady_timer::time_point::max()) {}

void SessionLegs::follow(std::string_view parameter, std::string_view value) {
  if (parameter == "client_encoding") client_encoding = value;
  if (parameter == "standard_conforming_strings") has_standard_strings = value != "off";
}

asio::awaitable<bool> SessionLegs::tell_client(std::string_view messages) {
  if (messages.empty()) co_return true;
  co_await take_turn();
  const bool is_written = co_await client.write(messages);
  end_turn();
  co_return is_written;
}

asio::awaitable<void> SessionLegs::take_turn() {
  while (is_turn_taken_ && !is_closed_) co_await changed();
  is_turn_taken_ = true;
}

void SessionLegs::end_turn() {
  is_turn_taken_ = false;
  wake();
}

asio::awaitable<void> SessionLegs::changed() {
  ++waiting_;
  boost::system::error_code ignored;
  co_await change_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  --waiting_;
}

void SessionLegs::wake() {
  if (waiting_ > 0) change_.cancel();
}

void SessionLegs::close() {
  is_closed_ = true;
  client.close();
  upstream.close();
  wake();
}

bool SessionLegs::is_idle() const {
  return status == 'I' && replies.is_empty() && !replies.is_unsynced() && !is_turn_taken_ &&
         from_client.available() == 0 && from_client.at_boundary() && from_upstream.at_boundary();
}

}  // namespace metadb::server
