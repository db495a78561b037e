// An HTTP client for the schema registry of a data source.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include "catalog/error.h"
#include "catalog/url.h"

namespace metadb::ingest {

struct RegistryOptions {
  catalog::Url url;  // user and password in it are not used
  std::string user;  // empty: no authentication
  std::string password;
  std::string ca_file;                       // empty: the system's CAs, or those of SSL_CERT_FILE
  std::chrono::milliseconds timeout{5'000};  // of a request, connecting included
};

struct RegistryAnswer {
  unsigned status = 0;
  std::string body;
};

// Keeps one connection alive between requests. Follows no redirects. Used by one thread.
class SchemaRegistry {
 public:
  // A request that is under way when `stop` is requested ends at once. Throws Error 58P01 if the
  // CA's file can't be read.
  SchemaRegistry(RegistryOptions options, std::stop_token stop);
  ~SchemaRegistry();
  SchemaRegistry(const SchemaRegistry&) = delete;
  SchemaRegistry& operator=(const SchemaRegistry&) = delete;

  // Answers of any status. `path`: below that of the URL, begins with a slash. Throws Error 08006,
  // or 57P01 once a stop is requested.
  RegistryAnswer get(const std::string& path);
  // scheme://host:port/path, without user and password.
  [[nodiscard]] std::string shown(const std::string& path) const;

  static constexpr size_t kBodyMax = size_t{16} << 20;

 private:
  class Connection;

  RegistryOptions options_;
  std::stop_token stop_;
  std::unique_ptr<Connection> connection_;  // none before the first request and after a failure
};

}  // namespace metadb::ingest
