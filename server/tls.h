// TLS on both legs, as configured: certificates and whom to trust.
#pragma once

#include <string>

#include "server/wire/tls_stream.h"

namespace metadb::server {

// What clients are offered. An empty certificate means no TLS.
struct ClientTlsOptions {
  std::string certificate;  // PEM file, with the chain
  std::string key;          // PEM file; empty: in the certificate's file
  std::string client_ca;    // PEM file; clients must show a certificate that it signed. Empty: none
};

// The context for connections of clients: TLS 1.2 and newer, ALPN "postgresql". Null without a
// certificate. Throws catalog::Error F0000 that names the file. Files are read now and not again.
wire::TlsContext client_tls(const ClientTlsOptions& options);

// libpq's sslmode, as far as it differs for us. allow and prefer: TLS if PostgreSQL will not have
// the session without it.
enum class SslMode { disable, allow, require, verify_ca, verify_full };

// How sessions reach PostgreSQL; the values of libpq's parameters.
struct UpstreamTlsOptions {
  SslMode mode = SslMode::disable;
  std::string root_certificate;  // sslrootcert; "system" for the distribution's
  std::string crl;
  std::string certificate;  // sslcert, shown to PostgreSQL
  std::string key;
};

struct UpstreamTls {
  SslMode mode = SslMode::disable;
  wire::TlsContext context;  // null where mode is disable
};

// Throws catalog::Error F0000 that names the file.
UpstreamTls upstream_tls(const UpstreamTlsOptions& options);

}  // namespace metadb::server
