#include "server/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstring>

#include "catalog/error.h"

namespace metadb::server {
namespace {

// PostgreSQL's list for servers; TLS 1.3 has its own.
constexpr const char* kCiphers = "HIGH:MEDIUM:+3DES:!aNULL";

catalog::Error bad_file(const std::string& what, const std::string& file) {
  // What the system said comes first; OpenSSL's own words about a file's content last.
  const unsigned long first = ERR_peek_error();
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  std::string text = reason != nullptr ? reason : "cannot be read";
  if (ERR_SYSTEM_ERROR(first)) text = std::strerror(static_cast<int>(ERR_GET_REASON(first)));
  ERR_clear_error();
  return {"F0000", fmt::format("{} {}: {}", what, file, text)};
}

wire::TlsContext new_context(const SSL_METHOD* method) {
  ERR_clear_error();
  wire::TlsContext context(SSL_CTX_new(method), &SSL_CTX_free);
  if (!context) throw catalog::Error("XX000", "OpenSSL gives no context for TLS");
  SSL_CTX* ctx = context.get();
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  // The peer's last message says how its stream ends: an abrupt end is an end.
  SSL_CTX_set_options(
      ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
  return context;
}

void use_certificate(SSL_CTX* context, const std::string& certificate, const std::string& key) {
  // A key with a passphrase would make OpenSSL ask on the terminal.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    throw bad_file("certificate", certificate);
  }
  const std::string& key_file = key.empty() ? certificate : key;
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    throw bad_file("private key", key_file);
  }
  if (SSL_CTX_check_private_key(context) != 1) throw bad_file("private key", key_file);
}

// RFC 7301: a client that names protocols, and not ours, speaks something else.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  static const std::string ours =
      static_cast<char>(wire::kAlpnProtocol.size()) + std::string(wire::kAlpnProtocol);
  unsigned char* found = nullptr;
  const int verdict = SSL_select_next_proto(
      &found, chosen_size, reinterpret_cast<const unsigned char*>(ours.data()),
      static_cast<unsigned int>(ours.size()), offered, offered_size);
  if (verdict != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

void trust(SSL_CTX* context, const std::string& file) {
  const bool is_loaded = file == "system"
                             ? SSL_CTX_set_default_verify_paths(context) == 1
                             : SSL_CTX_load_verify_locations(context, file.c_str(), nullptr) == 1;
  if (!is_loaded) throw bad_file("root certificate", file);
}

void revoke(SSL_CTX* context, const std::string& file) {
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  if (X509_STORE_load_locations(store, file.c_str(), nullptr) != 1) {
    throw bad_file("certificate revocation list", file);
  }
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}

}  // namespace

wire::TlsContext client_tls(const ClientTlsOptions& options) {
  if (options.certificate.empty()) return nullptr;
  wire::TlsContext context = new_context(TLS_server_method());
  SSL_CTX* ctx = context.get();
  use_certificate(ctx, options.certificate, options.key);
  SSL_CTX_set_cipher_list(ctx, kCiphers);
  SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Sessions are long: resumption would save nothing, and tickets would have to be kept secret.
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(ctx, 0);
  SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, nullptr);
  if (!options.client_ca.empty()) {
    trust(ctx, options.client_ca);
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(options.client_ca.c_str());
    if (names == nullptr) throw bad_file("client CA", options.client_ca);
    SSL_CTX_set_client_CA_list(ctx, names);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

UpstreamTls upstream_tls(const UpstreamTlsOptions& options) {
  UpstreamTls tls;
  tls.mode = options.mode;
  if (options.mode == SslMode::disable) return tls;
  tls.context = new_context(TLS_client_method());
  SSL_CTX* ctx = tls.context.get();
  const bool must_verify = options.mode >= SslMode::verify_ca;
  if (must_verify && options.root_certificate.empty()) {
    throw catalog::Error("F0000", "sslmode=verify-ca and verify-full need a root certificate")
        .with_hint(
            "Name it with sslrootcert in database.conninfo; sslrootcert=system takes the "
            "distribution's.");
  }
  if (!options.root_certificate.empty()) {
    trust(ctx, options.root_certificate);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
    if (!options.crl.empty()) revoke(ctx, options.crl);
  }
  if (!options.certificate.empty()) use_certificate(ctx, options.certificate, options.key);
  const std::string protocols =
      static_cast<char>(wire::kAlpnProtocol.size()) + std::string(wire::kAlpnProtocol);
  SSL_CTX_set_alpn_protos(ctx, reinterpret_cast<const unsigned char*>(protocols.data()),
                          static_cast<unsigned int>(protocols.size()));
  return tls;
}

}  // namespace metadb::server
