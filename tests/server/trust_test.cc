// auth.accept_backend_trust and clients of other machines.
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <array>
#include <memory>

#include "tests/server/front_end_fixture.h"

namespace metadb::tests {
namespace {

// An IPv4 address of this machine that is not a loopback one; empty if it has none. What is sent
// there does not leave the machine.
std::string outer_address() {
  ifaddrs* raw = nullptr;
  if (::getifaddrs(&raw) != 0) return "";
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(raw, &::freeifaddrs);
  for (const ifaddrs* one = all.get(); one != nullptr; one = one->ifa_next) {
    const bool is_up = (one->ifa_flags & IFF_UP) != 0 && (one->ifa_flags & IFF_LOOPBACK) == 0;
    if (!is_up || one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
    if (::inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size()) == nullptr) continue;
    if (!std::string_view(text.data()).starts_with("127.")) return text.data();
  }
  return "";
}

class Trust : public FrontEndTest {
 protected:
  [[nodiscard]] PgConnection connect_to(const std::string& host) const {
    return open("host=" + host + " port=" + std::to_string(front_end->port()) +
                " sslmode=disable gssencmode=disable user=postgres dbname=" + database.name());
  }
};

TEST_F(Trust, CountsForLocalClientsOnly) {
  const std::string outer = outer_address();
  if (outer.empty()) GTEST_SKIP() << "this machine has a loopback address only";
  options.addresses = {"0.0.0.0"};
  start();
  const auto local = connect_to("127.0.0.1");
  EXPECT_EQ(PQstatus(local.get()), CONNECTION_OK) << PQerrorMessage(local.get());
  const auto refused = connect_to(outer);
  EXPECT_EQ(PQstatus(refused.get()), CONNECTION_BAD);
  EXPECT_NE(std::string(PQerrorMessage(refused.get())).find("proves nothing"), std::string::npos)
      << PQerrorMessage(refused.get());
}

}  // namespace
}  // namespace metadb::tests
