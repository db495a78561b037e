#include "server/allow_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <stdexcept>

namespace metadb::server {

namespace ip = boost::asio::ip;

namespace {

constexpr const char* kForm =
    "expects TYPE DATABASE USER ADDRESS METHOD, e.g. \"host all all 10.0.0.0/8 allow\"";

std::vector<std::string> words_of(std::string_view line) {
  std::istringstream stream{std::string(line)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::vector<std::string> names_of(const std::string& list) {
  std::istringstream stream(list);
  std::vector<std::string> names;
  for (std::string name; std::getline(stream, name, ',');) {
    if (name.starts_with('+') || name.starts_with('@') || name.starts_with('/')) {
      throw std::invalid_argument(
          "takes names only: roles, files and expressions of pg_hba.conf "
          "are not known here");
    }
    if (!name.empty()) names.push_back(name);
  }
  if (names.empty()) throw std::invalid_argument(kForm);
  return names;
}

bool names(const std::vector<std::string>& list, std::string_view name) {
  return std::ranges::any_of(list, [&](const auto& each) { return each == "all" || each == name; });
}

// Bits of the address from the most significant on.
std::vector<unsigned char> bytes_of(const ip::address& address) {
  if (address.is_v4()) {
    const auto bytes = address.to_v4().to_bytes();
    return {bytes.begin(), bytes.end()};
  }
  const auto bytes = address.to_v6().to_bytes();
  return {bytes.begin(), bytes.end()};
}

bool has_prefix(const ip::address& address, const ip::address& network, unsigned bits) {
  if (address.is_v4() != network.is_v4()) return false;
  const auto a = bytes_of(address);
  const auto b = bytes_of(network);
  const unsigned whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

}  // namespace

AllowRule::AllowRule(std::string_view line) {
  const std::vector<std::string> words = words_of(line);
  const size_t expected = !words.empty() && words[0] == "local" ? 4 : 5;
  if (words.size() != expected) throw std::invalid_argument(kForm);
  if (words[0] == "local") {
    type_ = Type::local;
  } else if (words[0] == "hostssl") {
    type_ = Type::hostssl;
  } else if (words[0] == "hostnossl") {
    type_ = Type::hostnossl;
  } else if (words[0] != "host") {
    throw std::invalid_argument("expects local, host, hostssl or hostnossl first");
  }
  databases_ = names_of(words[1]);
  users_ = names_of(words[2]);
  if (type_ != Type::local && words[3] != "all") {
    const size_t slash = words[3].find('/');
    boost::system::error_code error;
    const ip::address address = ip::make_address(words[3].substr(0, slash), error);
    if (error) throw std::invalid_argument("expects an address, address/bits or all");
    const unsigned most = address.is_v4() ? 32 : 128;
    unsigned bits = most;
    if (slash != std::string::npos) {
      const char* end = words[3].data() + words[3].size();
      const auto read = std::from_chars(words[3].data() + slash + 1, end, bits);
      if (read.ec != std::errc() || read.ptr != end || bits > most) {
        throw std::invalid_argument("expects a number of bits behind the address");
      }
    }
    network_ = Network{address, bits};
  }
  if (words.back() != "allow" && words.back() != "reject") {
    throw std::invalid_argument("expects allow or reject last");
  }
  is_allowed_ = words.back() == "allow";
}

bool AllowRule::has_address(const std::optional<ip::address>& address) const {
  if (!address) return false;
  return !network_ || has_prefix(*address, network_->address, network_->bits);
}

bool AllowRule::concerns(const Arrival& arrival) const {
  if ((type_ == Type::local) != !arrival.address) return false;
  if (type_ == Type::hostssl && !arrival.is_encrypted) return false;
  if (type_ == Type::hostnossl && arrival.is_encrypted) return false;
  if (type_ != Type::local && !has_address(arrival.address)) return false;
  if (!names(users_, arrival.user)) return false;
  // As in pg_hba.conf: "all" does not mean physical replication, which has no database.
  if (arrival.is_replication)
    return std::ranges::find(databases_, "replication") != databases_.end();
  const bool is_own = arrival.user == arrival.database &&
                      std::ranges::find(databases_, "sameuser") != databases_.end();
  return is_own || names(databases_, arrival.database);
}

bool is_allowed(const std::vector<AllowRule>& rules, const Arrival& arrival) {
  if (rules.empty()) return true;
  const auto found =
      std::ranges::find_if(rules, [&](const AllowRule& rule) { return rule.concerns(arrival); });
  return found != rules.end() && found->allows();
}

std::string description(const Arrival& arrival) {
  const std::string host = arrival.address ? arrival.address->to_string() : "[local]";
  const std::string what =
      arrival.is_replication ? std::string("replication connection from ") : std::string();
  return fmt::format("{}host \"{}\", user \"{}\", database \"{}\", {}", what, host, arrival.user,
                     arrival.database, arrival.is_encrypted ? "SSL encryption" : "no encryption");
}

}  // namespace metadb::server
