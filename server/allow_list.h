// Who may come at all, before PostgreSQL is asked: rules like those of pg_hba.conf.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace metadb::server {

// What a connection is judged by.
struct Arrival {
  std::optional<boost::asio::ip::address> address;  // none over the Unix socket
  bool is_encrypted = false;
  bool is_replication = false;
  std::string user;
  std::string database;
};

// TYPE DATABASE USER ADDRESS METHOD, as in pg_hba.conf: TYPE local (without ADDRESS), host, hostssl
// or hostnossl; DATABASE and USER all or names with commas between, DATABASE also sameuser and
// replication; ADDRESS all, an address or an address/bits; METHOD allow or reject.
class AllowRule {
 public:
  // Throws std::invalid_argument that says what is expected.
  explicit AllowRule(std::string_view line);

  [[nodiscard]] bool concerns(const Arrival& arrival) const;
  [[nodiscard]] bool allows() const { return is_allowed_; }

 private:
  enum class Type : uint8_t { local, host, hostssl, hostnossl };
  struct Network {
    boost::asio::ip::address address;
    unsigned bits = 0;
  };
  [[nodiscard]] bool has_address(const std::optional<boost::asio::ip::address>& address) const;

  Type type_ = Type::host;
  std::vector<std::string> databases_;
  std::vector<std::string> users_;
  std::optional<Network> network_;  // none: all
  bool is_allowed_ = false;
};

// The first rule that concerns an arrival decides; without any nobody enters, but without a list
// everybody may.
bool is_allowed(const std::vector<AllowRule>& rules, const Arrival& arrival);

// "host "10.0.0.7", user "u", database "d", no encryption", as PostgreSQL words it.
std::string description(const Arrival& arrival);

}  // namespace metadb::server
