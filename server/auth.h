// The client's side of PostgreSQL's password methods, for logins that metadb makes itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace metadb::server {

// SCRAM-SHA-256 without channel binding (RFC 5802, RFC 7677), one exchange.
// Passwords are used as they are: SASLprep changes nothing in ASCII, and ours are generated.
class ScramClient {
 public:
  static constexpr std::string_view kMechanism = "SCRAM-SHA-256";

  // PostgreSQL takes the user from the start-up packet and ignores the one in the exchange.
  // An empty nonce means a random one.
  ScramClient(std::string user, std::string password, std::string nonce = {});
  ~ScramClient();
  ScramClient(const ScramClient&) = delete;
  ScramClient& operator=(const ScramClient&) = delete;

  [[nodiscard]] std::string first_message() const;
  // The proof; nullopt if the server's message is not one, or not an answer to ours.
  std::optional<std::string> final_message(std::string_view server_first);
  // Whether the server, too, knows the password.
  [[nodiscard]] bool is_genuine(std::string_view server_final) const;

 private:
  std::string user_;
  std::string password_;
  std::string nonce_;
  std::string server_signature_;  // base64, as it must come back
};

// The answer to AuthenticationMD5Password.
std::string md5_password(std::string_view user, std::string_view password, std::string_view salt);

// Cryptographically random bytes; throws catalog::Error if there are none.
std::string random_bytes(size_t count);

// Takes the same time wherever the two differ.
bool equal_secrets(std::string_view a, std::string_view b);

}  // namespace metadb::server
