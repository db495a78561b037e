#include "server/allow_list.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace metadb::tests {
namespace {

using server::AllowRule;
using server::Arrival;

Arrival from(const std::string& address, const std::string& user = "u",
             const std::string& database = "d") {
  return {boost::asio::ip::make_address(address), false, false, user, database};
}
const Arrival kLocal{std::nullopt, false, false, "u", "d"};

bool concerns(const char* rule, const Arrival& arrival) {
  return AllowRule(rule).concerns(arrival);
}

TEST(AllowRule, LooksAtTheAddress) {
  EXPECT_TRUE(concerns("host all all 10.0.0.0/8 allow", from("10.255.0.1")));
  EXPECT_FALSE(concerns("host all all 10.0.0.0/8 allow", from("11.0.0.1")));
  EXPECT_TRUE(concerns("host all all 192.168.1.128/25 allow", from("192.168.1.200")));
  EXPECT_FALSE(concerns("host all all 192.168.1.128/25 allow", from("192.168.1.100")));
  EXPECT_TRUE(concerns("host all all 10.0.0.7 allow", from("10.0.0.7")));
  EXPECT_FALSE(concerns("host all all 10.0.0.7 allow", from("10.0.0.8")));
  EXPECT_TRUE(concerns("host all all 0.0.0.0/0 allow", from("8.8.8.8")));
  EXPECT_FALSE(concerns("host all all 0.0.0.0/0 allow", from("::1")));
  EXPECT_TRUE(concerns("host all all fe80::/10 allow", from("fe80::1")));
  EXPECT_TRUE(concerns("host all all all allow", from("::1")));
  EXPECT_FALSE(concerns("host all all all allow", kLocal));
  EXPECT_TRUE(concerns("local all all allow", kLocal));
  EXPECT_FALSE(concerns("local all all allow", from("127.0.0.1")));
}

TEST(AllowRule, LooksAtNamesAndEncryption) {
  EXPECT_TRUE(concerns("host a,d u,v all reject", from("10.0.0.1")));
  EXPECT_FALSE(concerns("host a,b u all reject", from("10.0.0.1")));
  EXPECT_FALSE(concerns("host all v all reject", from("10.0.0.1")));
  EXPECT_TRUE(concerns("host sameuser all all allow", from("10.0.0.1", "x", "x")));
  EXPECT_FALSE(concerns("host sameuser all all allow", from("10.0.0.1")));
  Arrival encrypted = from("10.0.0.1");
  encrypted.is_encrypted = true;
  EXPECT_TRUE(concerns("hostssl all all all allow", encrypted));
  EXPECT_FALSE(concerns("hostssl all all all allow", from("10.0.0.1")));
  EXPECT_FALSE(concerns("hostnossl all all all allow", encrypted));
  Arrival replica = from("10.0.0.1");
  replica.is_replication = true;
  EXPECT_FALSE(concerns("host all all all allow", replica));
  EXPECT_TRUE(concerns("host replication all all allow", replica));
}

TEST(AllowRule, SaysWhatIsWrong) {
  for (const char* line :
       {"", "host all all allow", "host all all all", "host all all all maybe",
        "tcp all all all allow", "local all all all allow", "host all all 10.0.0/8 allow",
        "host all all 10.0.0.0/33 allow", "host all all 10.0.0.0/x allow",
        "host all all fe80::/129 allow", "host all +group all allow", "host , all all allow"}) {
    EXPECT_THROW(static_cast<void>(AllowRule(line)), std::invalid_argument) << line;
  }
}

TEST(AllowList, FirstRuleThatFitsDecides) {
  std::vector<AllowRule> rules;
  EXPECT_TRUE(server::is_allowed(rules, kLocal));
  rules.emplace_back("host all u 10.0.0.7 reject");
  rules.emplace_back("host all all 10.0.0.0/8 allow");
  EXPECT_FALSE(server::is_allowed(rules, from("10.0.0.7")));
  EXPECT_TRUE(server::is_allowed(rules, from("10.0.0.7", "another")));
  EXPECT_TRUE(server::is_allowed(rules, from("10.0.0.8")));
  EXPECT_FALSE(server::is_allowed(rules, from("11.0.0.1")));
  EXPECT_FALSE(server::is_allowed(rules, kLocal));
}

}  // namespace
}  // namespace metadb::tests
