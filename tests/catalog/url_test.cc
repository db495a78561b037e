// URLs of services, and how they are shown.
#include "catalog/url.h"

#include <gtest/gtest.h>

namespace metadb::tests {
namespace {

using catalog::masked_url;
using catalog::parse_url;

TEST(Url, IsTakenApart) {
  const auto url = parse_url("https://us%40er:p%3Aw@registry.example:8081/apis/v2/");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->is_https);
  EXPECT_EQ(url->user, "us@er");
  EXPECT_EQ(url->password, "p:w");
  EXPECT_EQ(url->host, "registry.example");
  EXPECT_EQ(url->port, "8081");
  EXPECT_EQ(url->path, "/apis/v2");
  EXPECT_EQ(parse_url("http://h")->port, "80");
  EXPECT_EQ(parse_url("https://h/")->port, "443");
  EXPECT_EQ(parse_url("https://h/")->path, "");
  EXPECT_EQ(parse_url("http://[::1]:81")->host, "::1");
  EXPECT_EQ(parse_url("http://[::1]:81")->port, "81");
  EXPECT_EQ(parse_url("http://u@h")->user, "u");
  EXPECT_EQ(parse_url("http://u:a@b@h")->password, "a@b");
}

TEST(Url, IsRefusedWhereItIsNone) {
  for (const char* text : {"", "h:80", "ftp://h", "http://", "http://:80", "http://h:0",
                           "http://h:65536", "http://h:x", "http://h/a?b", "http://h/a#b",
                           "http://h /", "http://h\r\nX: y", "http://[::1", "http://[::1]x",
                           "http://@h", "http://u:%zz@h", "http://u:%4@h", "http://h:80:90"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
}

TEST(Url, IsShownWithoutItsPassword) {
  EXPECT_EQ(masked_url("https://user:secret@h:1/p"), "https://user:********@h:1/p");
  EXPECT_EQ(masked_url("https://user:se/c@ret@h:1/p"), "https://user:********@h:1/p");
  EXPECT_EQ(masked_url("user:secret@h"), "user:********@h");
  EXPECT_EQ(masked_url("https://user@h:1/p"), "https://user@h:1/p");
  EXPECT_EQ(masked_url("https://h:1/p"), "https://h:1/p");
  EXPECT_EQ(masked_url(""), "");
}

}  // namespace
}  // namespace metadb::tests
