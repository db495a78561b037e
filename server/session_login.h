// The login phase: from the start-up message to the first ReadyForQuery.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "catalog/error.h"
#include "server/scram.h"
#include "server/session_legs.h"
#include "server/wire/messages.h"

namespace metadb::server {

// What PostgreSQL keeps of a user's password, or why that cannot be read. Blocks.
using VerifierSource = std::function<std::variant<ScramVerifier, catalog::Error>(std::string user)>;

struct LoginRules {
  std::string user;
  // An AuthenticationOk without a challenge is good enough for this client.
  bool is_trust_accepted = false;
  // The client is known by other means (peer): we answer PostgreSQL's challenge with this.
  std::optional<std::string> password;
  // Only superusers are let in: the other places are taken.
  bool is_for_superusers = false;
  // PostgreSQL may still be asked over TLS, if it refuses this plain connection at once.
  bool can_retry_with_tls = false;
};

// Told the backend's key; returns the one that the client gets.
using KeyExchange = std::function<wire::BackendKey(wire::BackendKey)>;
// Awaits what a VerifierSource says, away from the io thread.
using VerifierQuestion =
    std::function<boost::asio::awaitable<std::variant<ScramVerifier, catalog::Error>>(
        std::string user)>;
// Awaits the end of work that takes long, away from the io thread.
using Elsewhere = std::function<boost::asio::awaitable<void>(std::function<void()> work)>;

enum class LoginOutcome {
  ready,      // ReadyForQuery was passed on
  ended,      // the client has been told why, or is gone
  wants_tls,  // PostgreSQL refuses plain connections; the client was told nothing yet
};

// Relays the login verbatim: whatever PostgreSQL asks, the client answers, and metadb sees no
// password that it could keep. It sees whether a challenge was answered at all: methods that ask
// nothing (trust, peer, ident, cert) have looked at metadb instead of the client, so their
// AuthenticationOk does not count.
//
// SCRAM over TLS to PostgreSQL can't be relayed, since both ends sign what they know of the channel
// (pgwire.md 2.2). Then metadb proves the client itself, against the verifier in pg_authid, and
// logs in with the key that the proof reveals. Where that may not be read, it asks for the
// password, of clients that use TLS.
class Login {
 public:
  Login(SessionLegs& legs, LoginRules rules, KeyExchange exchange_key,
        VerifierQuestion ask_verifier, Elsewhere run_elsewhere);
  // Nothing that the client has told stays in memory.
  ~Login();
  Login(const Login&) = delete;
  Login& operator=(const Login&) = delete;

  boost::asio::awaitable<LoginOutcome> run(std::string_view startup_packet);

 private:
  enum class Step { go_on, ready, end, retry };
  boost::asio::awaitable<Step> take(wire::FrameHeader header);
  boost::asio::awaitable<Step> authenticate(wire::FrameHeader header);
  boost::asio::awaitable<Step> answer(uint32_t method, std::string_view data);
  boost::asio::awaitable<Step> relay_answer();
  boost::asio::awaitable<Step> pass_through(std::string_view offered);
  boost::asio::awaitable<Step> prove(ScramVerifier verifier, std::string_view offered);
  boost::asio::awaitable<Step> ask_for_password(catalog::Error reason, std::string_view offered);
  boost::asio::awaitable<Step> begin_scram(ScramClient::Secret secret, std::string_view offered);
  boost::asio::awaitable<std::optional<wire::FrameHeader>> client_answer();
  boost::asio::awaitable<Step> refuse(wire::Report report);
  boost::asio::awaitable<bool> flush();
  std::optional<std::string> answer_of_ours(uint32_t method, std::string_view data);
  [[nodiscard]] Step take_error(const wire::FrameHeader& header);
  [[nodiscard]] bool is_place_reserved(std::string_view parameter_status) const;
  void forward(const wire::FrameHeader& header);

  SessionLegs& legs_;
  LoginRules rules_;
  KeyExchange exchange_key_;
  VerifierQuestion ask_verifier_;
  Elsewhere run_elsewhere_;
  std::unique_ptr<ScramClient> scram_;  // with PostgreSQL
  std::string out_;                     // for the client, collected to leave in one write
  bool is_challenge_answered_ = false;
  bool has_asked_ = false;  // PostgreSQL has said something about who the client is
};

}  // namespace metadb::server
