#include "server/session_legs.h"

namespace metadb::server {

namespace asio = boost::asio;

SessionLegs::SessionLegs(wire::Channel client_, wire::Channel upstream_, wire::BufferPool& buffers)
    : client(std::move(client_)),
      upstream(std::move(upstream_)),
      from_client(buffers),
      from_upstream(buffers),
      change_(client.loop()) {}

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
