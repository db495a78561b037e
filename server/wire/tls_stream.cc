#include "server/wire/tls_stream.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>

namespace metadb::server::wire {

namespace {

// OpenSSL's own socket BIO writes without MSG_NOSIGNAL: a peer that is gone would raise SIGPIPE.
int socket_of(BIO* bio) {
  return static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio)));
}

bool is_transient(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

int write_socket(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent = ::send(socket_of(bio), bytes, static_cast<size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && is_transient(errno)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int read_socket(BIO* bio, char* space, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t got = ::recv(socket_of(bio), space, static_cast<size_t>(size), 0);
  if (got < 0 && is_transient(errno)) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(got);
}

long control_socket(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    default:
      return 0;
  }
}

const BIO_METHOD* socket_method() {
  static const std::unique_ptr<BIO_METHOD, void (*)(BIO_METHOD*)> method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    BIO_meth_set_write(made, write_socket);
    BIO_meth_set_read(made, read_socket);
    BIO_meth_set_ctrl(made, control_socket);
    return std::unique_ptr<BIO_METHOD, void (*)(BIO_METHOD*)>(made, &BIO_meth_free);
  }();
  return method.get();
}

BIO* socket_bio(int fd) {
  BIO* bio = BIO_new(socket_method());
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(fd)));
  BIO_set_init(bio, 1);
  return bio;
}

bool is_address(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  return inet_pton(AF_INET, name.c_str(), parsed.data()) == 1 ||
         inet_pton(AF_INET6, name.c_str(), parsed.data()) == 1;
}

std::string reason(const ssl_st* ssl) {
  const long verdict = SSL_get_verify_result(ssl);
  if (verdict != X509_V_OK) return X509_verify_cert_error_string(verdict);
  const unsigned long error = ERR_peek_last_error();
  const char* text = error == 0 ? nullptr : ERR_reason_error_string(error);
  return text == nullptr ? "the connection was closed" : text;
}

}  // namespace

TlsStream::TlsStream(TlsContext context, int fd, Role role, const TlsPeer& peer)
    : context_(std::move(context)), ssl_(SSL_new(context_.get()), &SSL_free), role_(role) {
  if (!ssl_) {
    failure_ = "out of memory";
    return;
  }
  BIO* bio = socket_bio(fd);
  SSL_set_bio(ssl_.get(), bio, bio);
  if (role == Role::server) {
    SSL_set_accept_state(ssl_.get());
    return;
  }
  SSL_set_connect_state(ssl_.get());
  const bool has_address = is_address(peer.name);
  if (!peer.name.empty() && !has_address) {
    // SSL_set_tlsext_host_name() is a macro with a C cast.
    std::string name = peer.name;
    SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
  }
  if (!peer.must_match) return;
  X509_VERIFY_PARAM* expected = SSL_get0_param(ssl_.get());
  const int is_set = has_address ? X509_VERIFY_PARAM_set1_ip_asc(expected, peer.name.c_str())
                                 : X509_VERIFY_PARAM_set1_host(expected, peer.name.c_str(), 0);
  if (is_set == 1 && !peer.name.empty()) return;
  failure_ = "no host name to compare the certificate with";
  is_broken_ = true;
}

TlsStream::~TlsStream() = default;

TlsStream::Step TlsStream::handshake() {
  if (!ssl_ || is_broken_) return Step::failed;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return Step::done;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Step::wants_read;
    case SSL_ERROR_WANT_WRITE:
      return Step::wants_write;
    default:
      failure_ = reason(ssl_.get());
      is_broken_ = true;
      return Step::failed;
  }
}

void TlsStream::wipe_what_was_read(bool is_wiped) {
  if (!ssl_) return;
  if (is_wiped) {
    SSL_set_options(ssl_.get(), SSL_OP_CLEANSE_PLAINTEXT);
  } else {
    SSL_clear_options(ssl_.get(), SSL_OP_CLEANSE_PLAINTEXT);
  }
}

std::optional<size_t> TlsStream::try_read(std::span<char> space) {
  read_wants_write_ = false;
  if (is_broken_) return 0;
  ERR_clear_error();
  size_t bytes = 0;
  const int result = SSL_read_ex(ssl_.get(), space.data(), space.size(), &bytes);
  if (result == 1) return bytes;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return std::nullopt;
    case SSL_ERROR_WANT_WRITE:
      read_wants_write_ = true;
      return std::nullopt;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    default:
      is_broken_ = true;
      return 0;
  }
}

size_t TlsStream::try_write(std::string_view bytes) {
  write_wants_read_ = false;
  size_t taken = 0;
  // One call makes one record: several fill the socket as a plain write would.
  while (taken < bytes.size() && !is_broken_) {
    ERR_clear_error();
    size_t written = 0;
    const int result =
        SSL_write_ex(ssl_.get(), bytes.data() + taken, bytes.size() - taken, &written);
    if (result == 1) {
      taken += written;
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), result);
    write_wants_read_ = error == SSL_ERROR_WANT_READ;
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) is_broken_ = true;
    break;
  }
  return taken;
}

void TlsStream::send_end() {
  if (is_broken_ || !ssl_ || SSL_in_init(ssl_.get()) != 0) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
}

void TlsStream::close() {
  send_end();
  is_broken_ = true;
}

std::string_view TlsStream::alpn() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string_view TlsStream::version() const {
  return SSL_get_version(ssl_.get());
}

std::string TlsStream::server_end_point() const {
  const X509* certificate = role_ == Role::server ? SSL_get_certificate(ssl_.get())
                                                  : SSL_get0_peer_certificate(ssl_.get());
  int digest = NID_undef;
  if (certificate == nullptr ||
      X509_get_signature_info(const_cast<X509*>(certificate), &digest, nullptr, nullptr, nullptr) !=
          1 ||
      digest == NID_undef) {
    return {};
  }
  if (digest == NID_md5 || digest == NID_sha1) digest = NID_sha256;
  const EVP_MD* algorithm = EVP_get_digestbynid(digest);
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int size = 0;
  if (algorithm == nullptr || X509_digest(certificate, algorithm, hash.data(), &size) != 1) {
    return {};
  }
  return {reinterpret_cast<const char*>(hash.data()), size};
}

}  // namespace metadb::server::wire
