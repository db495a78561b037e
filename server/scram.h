// SCRAM-SHA-256, both sides (RFC 5802, RFC 7677), with channel binding of type tls-server-end-point
// (RFC 5929), as PostgreSQL does it (PostgreSQL documentation, "SASL Authentication").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "catalog/error.h"

namespace metadb::server {

inline constexpr std::string_view kScramMechanism = "SCRAM-SHA-256";
inline constexpr std::string_view kScramPlusMechanism = "SCRAM-SHA-256-PLUS";
inline constexpr int kScramIterations = 4096;  // PostgreSQL's default

// What PostgreSQL keeps of a password: SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY.
struct ScramVerifier {
  int iterations = 0;
  std::string salt;        // raw
  std::string stored_key;  // raw
  std::string server_key;  // raw
  bool is_mock = false;    // belongs to nobody: no proof fits
};

// nullopt if it is none, e.g. an md5 hash.
std::optional<ScramVerifier> read_verifier(std::string_view rolpassword);
// What PostgreSQL is to keep of a new password, with a random salt, so that it never sees the
// password itself. The password is wiped.
std::string make_verifier(std::string password);
// What a user is asked who has no verifier, so that nobody learns who exists: the same salt each
// time, drawn from the user's name and a secret, and the iterations that new passwords get.
ScramVerifier mock_verifier(std::string_view user, std::string_view secret,
                            int iterations = kScramIterations);

// What an exchange with a client reveals: enough to log in once more as that user, wherever the
// same verifier is kept.
struct ScramKeys {
  std::string client_key;  // raw
  std::string server_key;  // raw
};

// The client's side of one exchange. PostgreSQL takes the user from the start-up packet and ignores
// the one in the exchange.
// Passwords are used as they are: SASLprep changes nothing in ASCII.
class ScramClient {
 public:
  using Secret = std::variant<std::string, ScramKeys>;  // a password, or the keys

  // `end_point` is TlsStream::server_end_point(), empty without TLS. An empty nonce means a random
  // one.
  explicit ScramClient(Secret secret, std::string end_point = {}, std::string user = {},
                       std::string nonce = {});
  ~ScramClient();
  ScramClient(const ScramClient&) = delete;
  ScramClient& operator=(const ScramClient&) = delete;

  // Picks the best of the mechanisms that the server offers; false if it knows none of them.
  // Call before anything else.
  bool choose(const std::vector<std::string_view>& offered);
  [[nodiscard]] std::string_view mechanism() const;
  [[nodiscard]] std::string first_message() const;
  // The proof; nullopt if the server's message is not one, or not an answer to ours.
  std::optional<std::string> final_message(std::string_view server_first);
  // Whether the server, too, knows the password.
  [[nodiscard]] bool is_genuine(std::string_view server_final) const;

 private:
  [[nodiscard]] std::string gs2_header() const;

  Secret secret_;
  std::string end_point_;
  std::string user_;
  std::string nonce_;
  bool is_bound_ = false;         // by the channel
  std::string server_signature_;  // base64, as it must come back
};

// The server's side of one exchange. Throws catalog::Error with PostgreSQL's SQLSTATE for what a
// client must not send.
class ScramServer {
 public:
  // `end_point` as above: if it is not empty, channel binding is offered.
  ScramServer(ScramVerifier verifier, std::string end_point, std::string nonce = {});
  ~ScramServer();
  ScramServer(const ScramServer&) = delete;
  ScramServer& operator=(const ScramServer&) = delete;

  [[nodiscard]] std::vector<std::string_view> mechanisms() const;
  // The answer to the client's first message.
  std::string first(std::string_view mechanism, std::string_view client_first);

  struct Proof {
    std::string server_final;
    ScramKeys keys;
  };
  // nullopt: the client does not know the password.
  std::optional<Proof> final(std::string_view client_final) const;

 private:
  void check_binding(std::string_view flag) const;
  void check_channel(std::string_view binding) const;

  ScramVerifier verifier_;
  std::string end_point_;
  std::string nonce_;
  bool is_bound_ = false;
  std::string gs2_header_;
  std::string client_first_bare_;
  std::string server_first_;
};

}  // namespace metadb::server
