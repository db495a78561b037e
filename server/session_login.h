// The login phase: from the start-up message to the first ReadyForQuery.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/auth.h"
#include "server/session_legs.h"
#include "server/wire/messages.h"

namespace metadb::server {

struct LoginRules {
  std::string user;
  // An AuthenticationOk without a challenge is good enough for this client.
  bool is_trust_accepted = false;
  // The client is known by other means (peer): we answer PostgreSQL's challenge with this.
  std::optional<std::string> password;
};

// Told the backend's key; returns the one that the client gets.
using KeyExchange = std::function<wire::BackendKey(wire::BackendKey)>;

// Relays the login verbatim: whatever PostgreSQL asks, the client answers, and metadb sees no
// password that it could keep. It sees whether a challenge was answered at all: methods that ask
// nothing (trust, peer, ident, cert) have looked at metadb instead of the client, so their
// AuthenticationOk does not count.
class Login {
 public:
  Login(SessionLegs& legs, LoginRules rules, KeyExchange exchange_key);

  // True once ReadyForQuery was passed on. False: the client has been told why, or is gone.
  boost::asio::awaitable<bool> run(std::string_view startup_packet);

 private:
  enum class Step { go_on, ready, end };
  boost::asio::awaitable<Step> take(wire::FrameHeader header);
  boost::asio::awaitable<Step> authenticate(wire::FrameHeader header);
  boost::asio::awaitable<Step> answer(uint32_t method, std::string_view data);
  boost::asio::awaitable<Step> relay_answer();
  boost::asio::awaitable<Step> refuse(wire::Report report);
  boost::asio::awaitable<bool> flush();
  std::optional<std::string> answer_of_ours(uint32_t method, std::string_view data);
  void forward(const wire::FrameHeader& header);

  SessionLegs& legs_;
  LoginRules rules_;
  KeyExchange exchange_key_;
  std::unique_ptr<ScramClient> scram_;
  std::string out_;  // for the client, collected to leave in one write
  bool is_challenge_answered_ = false;
};

// Follows the parameters of a session that we go by.
void follow_parameter(SessionLegs& legs, std::string_view parameter_status_payload);

}  // namespace metadb::server
