#include "server/auth.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <charconv>
#include <vector>

#include "catalog/error.h"
#include "server/wire/sqlstate.h"

namespace metadb::server {

namespace {

constexpr size_t kDigestBytes = 32;
constexpr size_t kNonceBytes = 18;
// A server that asks for more wants to keep us busy; PostgreSQL's default is 4096.
constexpr int kIterationsMax = 10'000'000;
// "n": no channel binding; no authorization identity.
constexpr std::string_view kGs2Header = "n,,";
constexpr std::string_view kGs2HeaderBase64 = "biws";

using Digest = std::array<unsigned char, kDigestBytes>;

const unsigned char* unsigned_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string_view text_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string base64(std::string_view raw) {
  std::string out(4 * ((raw.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   unsigned_bytes(raw), static_cast<int>(raw.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   unsigned_bytes(text), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  // EVP_DecodeBlock counts the padding as zero bytes.
  out.resize(static_cast<size_t>(size) - (text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0));
  return out;
}

Digest hmac(std::string_view key, std::string_view text) {
  Digest out;
  unsigned int size = kDigestBytes;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), unsigned_bytes(text), text.size(),
       out.data(), &size);
  return out;
}

Digest sha256(std::string_view text) {
  Digest out;
  unsigned int size = kDigestBytes;
  EVP_Digest(text.data(), text.size(), out.data(), &size, EVP_sha256(), nullptr);
  return out;
}

std::string md5_hex(std::string_view text) {
  std::array<unsigned char, 16> digest{};
  unsigned int size = digest.size();
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr);
  std::string out;
  for (const unsigned char byte : digest) out += fmt::format("{:02x}", byte);
  return out;
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
  ServerFirst first;
  first.nonce = message.substr(2, salt_at - 2);
  const auto salt = from_base64(message.substr(salt_at + 3, iterations_at - salt_at - 3));
  const std::string_view count = message.substr(iterations_at + 3);
  const auto [end, error] =
      std::from_chars(count.data(), count.data() + count.size(), first.iterations);
  if (!salt || error != std::errc{} || end != count.data() + count.size() || first.iterations < 1 ||
      first.iterations > kIterationsMax) {
    return std::nullopt;
  }
  first.salt = *salt;
  return first;
}

}  // namespace

ScramClient::ScramClient(std::string user, std::string password, std::string nonce)
    : user_(std::move(user)),
      password_(std::move(password)),
      nonce_(nonce.empty() ? base64(random_bytes(kNonceBytes)) : std::move(nonce)) {}

ScramClient::~ScramClient() {
  OPENSSL_cleanse(password_.data(), password_.size());
}

std::string ScramClient::first_message() const {
  return fmt::format("{}n={},r={}", kGs2Header, user_, nonce_);
}

std::optional<std::string> ScramClient::final_message(std::string_view server_first) {
  const auto first = read_server_first(server_first);
  if (!first || !first->nonce.starts_with(nonce_) || first->nonce.size() == nonce_.size()) {
    return std::nullopt;
  }
  Digest salted;
  PKCS5_PBKDF2_HMAC(password_.data(), static_cast<int>(password_.size()),
                    unsigned_bytes(first->salt), static_cast<int>(first->salt.size()),
                    first->iterations, EVP_sha256(), static_cast<int>(salted.size()),
                    salted.data());
  const Digest client_key = hmac(text_of(salted), "Client Key");
  const Digest stored_key = sha256(text_of(client_key));
  const std::string without_proof = fmt::format("c={},r={}", kGs2HeaderBase64, first->nonce);
  const std::string signed_text =
      fmt::format("n={},r={},{},{}", user_, nonce_, server_first, without_proof);
  Digest proof = hmac(text_of(stored_key), signed_text);
  for (size_t i = 0; i < proof.size(); ++i) proof[i] ^= client_key[i];
  const Digest server_key = hmac(text_of(salted), "Server Key");
  server_signature_ = base64(text_of(hmac(text_of(server_key), signed_text)));
  OPENSSL_cleanse(salted.data(), salted.size());
  return fmt::format("{},p={}", without_proof, base64(text_of(proof)));
}

bool ScramClient::is_genuine(std::string_view server_final) const {
  return !server_signature_.empty() && server_final.starts_with("v=") &&
         equal_secrets(server_final.substr(2), server_signature_);
}

std::string md5_password(std::string_view user, std::string_view password, std::string_view salt) {
  const std::string inner = md5_hex(fmt::format("{}{}", password, user));
  return "md5" + md5_hex(inner + std::string(salt));
}

std::string random_bytes(size_t count) {
  std::string out(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count)) != 1) {
    throw catalog::Error(wire::sqlstate::kInternalError, "no random bytes from OpenSSL");
  }
  return out;
}

bool equal_secrets(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace metadb::server
