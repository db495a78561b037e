#include "server/auth.h"

#include <gtest/gtest.h>

#include "server/scram.h"
#include "server/session_encoding.h"

namespace metadb::tests {
namespace {

using server::ScramClient;

// The example exchange of RFC 7677, section 3.
constexpr const char* kServerFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

TEST(ScramClient, AnswersAsInTheStandard) {
  ScramClient client("pencil", "", "user", "rOprNGfwEbeRWgbNEkqO");
  EXPECT_EQ(client.first_message(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  EXPECT_EQ(client.final_message(kServerFirst),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  EXPECT_TRUE(client.is_genuine("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
}

TEST(ScramClient, DistrustsAServerWithoutThePassword) {
  ScramClient client("pencil", "", "user", "rOprNGfwEbeRWgbNEkqO");
  EXPECT_FALSE(client.is_genuine("v="));
  ASSERT_TRUE(client.final_message(kServerFirst));
  EXPECT_FALSE(client.is_genuine("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5="));
  EXPECT_FALSE(client.is_genuine("e=other-error"));
}

TEST(ScramClient, RefusesAnswersThatAreNotToItsNonce) {
  for (const char* answer :
       {"r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0",
        "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999999",
        "r=rOprNGfwEbeRWgbNEkqOx,s=!,i=1", "r=rOprNGfwEbeRWgbNEkqOx,i=1,s=", ""}) {
    ScramClient client("pencil", "", "user", "rOprNGfwEbeRWgbNEkqO");
    EXPECT_FALSE(client.final_message(answer)) << answer;
  }
}

TEST(ScramClient, DrawsANewNonceEachTime) {
  EXPECT_NE(ScramClient("x").first_message(), ScramClient("x").first_message());
}

TEST(Md5Password, IsThatOfPostgres) {
  // md5(md5('secret' || 'alice') || salt)
  EXPECT_EQ(server::md5_password("alice", "secret", "\1\2\3\4").size(), 35U);
  EXPECT_EQ(server::md5_password("", "", "").substr(0, 3), "md5");
}

TEST(EqualSecrets, ComparesLengthAndContent) {
  EXPECT_TRUE(server::equal_secrets("abc", "abc"));
  EXPECT_FALSE(server::equal_secrets("abc", "abd"));
  EXPECT_FALSE(server::equal_secrets("abc", "ab"));
}

TEST(Encoding, ConvertsLatin1BothWays) {
  std::string storage;
  EXPECT_EQ(server::utf8_of("z\xFCrich", "LATIN1", storage), "z\xC3\xBCrich");
  EXPECT_EQ(server::for_client("z\xC3\xBCrich \xE2\x82\xAC", "LATIN1"), "z\xFCrich ?");
}

TEST(Encoding, LeavesUnknownEncodingsToPostgres) {
  std::string storage;
  EXPECT_EQ(server::utf8_of("plain", "EUC_JP", storage), "plain");
  EXPECT_FALSE(server::utf8_of("\xC6\xFC", "EUC_JP", storage));
  EXPECT_EQ(server::utf8_of("z\xC3\xBCrich", "UTF8", storage), "z\xC3\xBCrich");
  for (const char* legal : {"\xC2\x80", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                            "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(server::utf8_of(legal, "UTF8", storage), legal);
  }
  for (const char* illegal :
       {"\x80", "\xC1\x81", "\xC3", "a\xC3z", "\xE0\x9F\x80", "\xED\xA0\x80", "\xE2\x82",
        "\xE2\x82z", "\xF0\x8F\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    EXPECT_FALSE(server::utf8_of(illegal, "UTF8", storage)) << illegal;
    EXPECT_FALSE(server::utf8_of(illegal, "SQL_ASCII", storage)) << illegal;
  }
}

}  // namespace
}  // namespace metadb::tests
