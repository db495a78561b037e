#include "server/scram.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <charconv>

#include "server/auth.h"
#include "server/saslprep.h"
#include "server/wire/sqlstate.h"

namespace metadb::server {

namespace sqlstate = wire::sqlstate;

namespace {

constexpr size_t kDigestBytes = 32;
constexpr size_t kNonceBytes = 18;
constexpr size_t kSaltBytes = 16;
// A server that asks for more wants to keep us busy.
constexpr int kIterationsMax = 10'000'000;
constexpr std::string_view kBindingType = "tls-server-end-point";

const unsigned char* unsigned_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* unsigned_bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

std::string base64(std::string_view raw) {
  std::string out(4 * ((raw.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(unsigned_bytes(out), unsigned_bytes(raw), static_cast<int>(raw.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int size =
      EVP_DecodeBlock(unsigned_bytes(out), unsigned_bytes(text), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  // EVP_DecodeBlock counts the padding as zero bytes.
  out.resize(static_cast<size_t>(size) - (text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0));
  return out;
}

std::string hmac(std::string_view key, std::string_view text) {
  std::string out(kDigestBytes, '\0');
  unsigned int size = kDigestBytes;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), unsigned_bytes(text), text.size(),
       unsigned_bytes(out), &size);
  return out;
}

std::string sha256(std::string_view text) {
  std::string out(kDigestBytes, '\0');
  unsigned int size = kDigestBytes;
  EVP_Digest(text.data(), text.size(), unsigned_bytes(out), &size, EVP_sha256(), nullptr);
  return out;
}

std::string exclusive_or(std::string a, std::string_view b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<char>(a[i] ^ b[i]);
  return a;
}

std::optional<int> iterations_of(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 1 ||
      number > kIterationsMax) {
    return std::nullopt;
  }
  return number;
}

struct ServerFirst {
  std::string_view nonce;
  std::string salt;
  int iterations = 0;
};

// "r=NONCE,s=SALT,i=ITERATIONS", exactly.
std::optional<ServerFirst> read_server_first(std::string_view message) {
  const size_t salt_at = message.find(",s=");
  const size_t iterations_at = message.find(",i=");
  if (!message.starts_with("r=") || salt_at == std::string_view::npos ||
      iterations_at == std::string_view::npos || iterations_at < salt_at) {
    return std::nullopt;
  }
  const auto salt = from_base64(message.substr(salt_at + 3, iterations_at - salt_at - 3));
  const auto iterations = iterations_of(message.substr(iterations_at + 3));
  if (!salt || !iterations) return std::nullopt;
  return ServerFirst{message.substr(2, salt_at - 2), *salt, *iterations};
}

ScramKeys keys_of(std::string_view password, const ServerFirst& first) {
  std::string salted(kDigestBytes, '\0');
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), unsigned_bytes(first.salt),
                    static_cast<int>(first.salt.size()), first.iterations, EVP_sha256(),
                    static_cast<int>(salted.size()), unsigned_bytes(salted));
  ScramKeys keys{hmac(salted, "Client Key"), hmac(salted, "Server Key")};
  OPENSSL_cleanse(salted.data(), salted.size());
  return keys;
}

catalog::Error malformed(std::string detail) {
  return catalog::Error(sqlstate::kProtocolViolation, "malformed SCRAM message")
      .with_detail(std::move(detail));
}

// Takes "X=VALUE" off the front of a message, and the comma behind it.
std::string_view take_attribute(std::string_view& message, char name) {
  if (message.size() < 2 || message[0] != name || message[1] != '=') {
    throw malformed(fmt::format("Expected attribute \"{}\".", name));
  }
  const size_t end = std::min(message.find(','), message.size());
  const std::string_view value = message.substr(2, end - 2);
  message.remove_prefix(std::min(end + 1, message.size()));
  return value;
}

// Printable ASCII but for the comma (RFC 5802, section 7).
bool is_nonce(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return c >= 0x21 && c <= 0x7E && c != ','; });
}

}  // namespace

std::optional<ScramVerifier> read_verifier(std::string_view rolpassword) {
  const std::string prefix = std::string(kScramMechanism) + "$";
  if (!rolpassword.starts_with(prefix)) return std::nullopt;
  rolpassword.remove_prefix(prefix.size());
  const size_t colon = rolpassword.find(':');
  const size_t dollar = rolpassword.find('$');
  const size_t last_colon = rolpassword.rfind(':');
  if (colon == std::string_view::npos || dollar == std::string_view::npos || colon > dollar ||
      last_colon < dollar) {
    return std::nullopt;
  }
  const auto iterations = iterations_of(rolpassword.substr(0, colon));
  const auto salt = from_base64(rolpassword.substr(colon + 1, dollar - colon - 1));
  const auto stored = from_base64(rolpassword.substr(dollar + 1, last_colon - dollar - 1));
  const auto server = from_base64(rolpassword.substr(last_colon + 1));
  if (!iterations || !salt || !stored || !server || stored->size() != kDigestBytes ||
      server->size() != kDigestBytes) {
    return std::nullopt;
  }
  return ScramVerifier{*iterations, *salt, *stored, *server, false};
}

std::string make_verifier(std::string password) {
  password = saslprep(std::move(password));
  const ServerFirst parameters{{}, random_bytes(kSaltBytes), kScramIterations};
  ScramKeys keys = keys_of(password, parameters);
  OPENSSL_cleanse(password.data(), password.size());
  std::string verifier =
      fmt::format("{}${}:{}${}:{}", kScramMechanism, kScramIterations, base64(parameters.salt),
                  base64(sha256(keys.client_key)), base64(keys.server_key));
  OPENSSL_cleanse(keys.client_key.data(), keys.client_key.size());
  return verifier;
}

ScramVerifier mock_verifier(std::string_view user, std::string_view secret, int iterations) {
  const std::string zeros(kDigestBytes, '\0');
  return {iterations, hmac(secret, user).substr(0, kSaltBytes), zeros, zeros, true};
}

// ---- The client's side.

ScramClient::ScramClient(Secret secret, std::string end_point, std::string user, std::string nonce)
    : secret_(std::move(secret)),
      end_point_(std::move(end_point)),
      user_(std::move(user)),
      nonce_(nonce.empty() ? base64(random_bytes(kNonceBytes)) : std::move(nonce)) {
  if (auto* password = std::get_if<std::string>(&secret_)) {
    *password = saslprep(std::move(*password));
  }
}

ScramClient::~ScramClient() {
  if (auto* password = std::get_if<std::string>(&secret_)) {
    OPENSSL_cleanse(password->data(), password->size());
  } else {
    std::string& key = std::get<ScramKeys>(secret_).client_key;
    OPENSSL_cleanse(key.data(), key.size());
  }
}

bool ScramClient::choose(const std::vector<std::string_view>& offered) {
  const auto offers = [&](std::string_view name) {
    return std::ranges::find(offered, name) != offered.end();
  };
  is_bound_ = !end_point_.empty() && offers(kScramPlusMechanism);
  return is_bound_ || offers(kScramMechanism);
}

std::string_view ScramClient::mechanism() const {
  return is_bound_ ? kScramPlusMechanism : kScramMechanism;
}

// "y": the client could, and believes that the server cannot; the server knows better if somebody
// in between took its offer away.
std::string ScramClient::gs2_header() const {
  if (is_bound_) return fmt::format("p={},,", kBindingType);
  return end_point_.empty() ? "n,," : "y,,";
}

std::string ScramClient::first_message() const {
  return fmt::format("{}n={},r={}", gs2_header(), user_, nonce_);
}

std::optional<std::string> ScramClient::final_message(std::string_view server_first) {
  const auto first = read_server_first(server_first);
  if (!first || !first->nonce.starts_with(nonce_) || first->nonce.size() == nonce_.size()) {
    return std::nullopt;
  }
  const auto* password = std::get_if<std::string>(&secret_);
  ScramKeys keys = password != nullptr ? keys_of(*password, *first) : std::get<ScramKeys>(secret_);
  const std::string channel = gs2_header() + (is_bound_ ? end_point_ : std::string());
  const std::string without_proof = fmt::format("c={},r={}", base64(channel), first->nonce);
  const std::string signed_text =
      fmt::format("n={},r={},{},{}", user_, nonce_, server_first, without_proof);
  const std::string proof =
      exclusive_or(hmac(sha256(keys.client_key), signed_text), keys.client_key);
  server_signature_ = base64(hmac(keys.server_key, signed_text));
  OPENSSL_cleanse(keys.client_key.data(), keys.client_key.size());
  return fmt::format("{},p={}", without_proof, base64(proof));
}

bool ScramClient::is_genuine(std::string_view server_final) const {
  return !server_signature_.empty() && server_final.starts_with("v=") &&
         equal_secrets(server_final.substr(2), server_signature_);
}

// ---- The server's side.

ScramServer::ScramServer(ScramVerifier verifier, std::string end_point, std::string nonce)
    : verifier_(std::move(verifier)),
      end_point_(std::move(end_point)),
      nonce_(nonce.empty() ? base64(random_bytes(kNonceBytes)) : std::move(nonce)) {}

ScramServer::~ScramServer() {
  OPENSSL_cleanse(verifier_.stored_key.data(), verifier_.stored_key.size());
  OPENSSL_cleanse(verifier_.server_key.data(), verifier_.server_key.size());
}

std::vector<std::string_view> ScramServer::mechanisms() const {
  if (end_point_.empty()) return {kScramMechanism};
  return {kScramPlusMechanism, kScramMechanism};
}

// The first field of a client's first message: does it bind the channel, and does that agree with
// the mechanism?
void ScramServer::check_binding(std::string_view flag) const {
  if (flag == "n" || flag == "y") {
    if (is_bound_) {
      throw malformed(
          "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel "
          "binding data.");
    }
    if (flag == "n" || end_point_.empty()) return;
    throw catalog::Error(sqlstate::kInvalidAuthorization, "SCRAM channel binding negotiation error")
        .with_detail(
            "The client supports SCRAM channel binding but thinks the server does not.  However, "
            "this server does support channel binding.");
  }
  if (!flag.starts_with("p=")) throw malformed("Unexpected channel-binding flag.");
  if (!is_bound_) {
    throw malformed(
        "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes "
        "channel binding data.");
  }
  if (flag.substr(2) != kBindingType) {
    throw catalog::Error(
        sqlstate::kProtocolViolation,
        fmt::format("unsupported SCRAM channel-binding type \"{}\"", flag.substr(2)));
  }
}

std::string ScramServer::first(std::string_view mechanism, std::string_view client_first) {
  const auto offered = mechanisms();
  if (std::ranges::find(offered, mechanism) == offered.end()) {
    throw catalog::Error(sqlstate::kProtocolViolation,
                         "client selected an invalid SASL authentication mechanism");
  }
  is_bound_ = mechanism == kScramPlusMechanism;
  const size_t flag_end = client_first.find(',');
  const size_t header_end =
      flag_end == std::string_view::npos ? flag_end : client_first.find(',', flag_end + 1);
  if (header_end == std::string_view::npos) throw malformed("The message is cut.");
  check_binding(client_first.substr(0, flag_end));
  if (header_end != flag_end + 1) {
    throw catalog::Error(sqlstate::kFeatureNotSupported,
                         "client uses authorization identity, but it is not supported");
  }
  gs2_header_ = client_first.substr(0, header_end + 1);
  client_first_bare_ = client_first.substr(header_end + 1);
  std::string_view rest = client_first_bare_;
  if (rest.starts_with("m=")) {
    throw catalog::Error(sqlstate::kFeatureNotSupported,
                         "client requires an unsupported SCRAM extension");
  }
  take_attribute(rest, 'n');
  const std::string_view client_nonce = take_attribute(rest, 'r');
  if (!is_nonce(client_nonce)) {
    throw catalog::Error(sqlstate::kProtocolViolation, "non-printable characters in SCRAM nonce");
  }
  nonce_ = std::string(client_nonce) + nonce_;
  server_first_ =
      fmt::format("r={},s={},i={}", nonce_, base64(verifier_.salt), verifier_.iterations);
  return server_first_;
}

void ScramServer::check_channel(std::string_view binding) const {
  const std::string expected = base64(gs2_header_ + (is_bound_ ? end_point_ : std::string()));
  if (binding == expected) return;
  if (is_bound_) {
    throw catalog::Error(sqlstate::kInvalidAuthorization, "SCRAM channel binding check failed");
  }
  throw catalog::Error(sqlstate::kProtocolViolation,
                       "unexpected SCRAM channel-binding attribute in client-final-message");
}

std::optional<ScramServer::Proof> ScramServer::final(std::string_view client_final) const {
  std::string_view rest = client_final;
  check_channel(take_attribute(rest, 'c'));
  if (take_attribute(rest, 'r') != nonce_) {
    throw catalog::Error(sqlstate::kProtocolViolation, "invalid SCRAM response")
        .with_detail("Nonce does not match.");
  }
  const size_t proof_at = client_final.rfind(",p=");
  const auto proof = proof_at == std::string_view::npos
                         ? std::nullopt
                         : from_base64(client_final.substr(proof_at + 3));
  if (!proof || proof->size() != kDigestBytes) {
    throw malformed("Malformed proof in client-final-message.");
  }
  const std::string signed_text =
      fmt::format("{},{},{}", client_first_bare_, server_first_, client_final.substr(0, proof_at));
  std::string client_key = exclusive_or(*proof, hmac(verifier_.stored_key, signed_text));
  const bool is_right = equal_secrets(sha256(client_key), verifier_.stored_key);
  if (!is_right || verifier_.is_mock) return std::nullopt;
  return Proof{"v=" + base64(hmac(verifier_.server_key, signed_text)),
               {std::move(client_key), verifier_.server_key}};
}

}  // namespace metadb::server
