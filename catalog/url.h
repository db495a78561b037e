// URLs of services that a data source needs beside Kafka.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace metadb::catalog {

// scheme://[user[:password]@]host[:port][/path]
struct Url {
  bool is_https = false;
  std::string user;
  std::string password;
  std::string host;  // an IPv6 address without its brackets
  std::string port;  // 80 or 443 where none is given
  std::string path;  // empty, or begins with a slash and does not end with one
};

// nullopt for what is no http or https URL with a host, or has a query or a fragment.
std::optional<Url> parse_url(std::string_view text);
// The URL with ******** in place of its password; also of a text that is no URL.
std::string masked_url(std::string_view text);

}  // namespace metadb::catalog
