// Statements of PostgreSQL that look like ours stay PostgreSQL's.
#include <gtest/gtest.h>

#include <string_view>

#include "grammar/classify.h"
#include "grammar/parse.h"

namespace metadb::tests {
namespace {

using grammar::parse;
using grammar::PassThrough;

TEST(SharedVerbs, PassThroughWhatIsNotExactlyOurs) {
  for (const std::string_view text : {"create user u",
                                      "create user u createdb",
                                      "create user u password 'p'",
                                      "create user u with password 'p' createdb",
                                      "create user u with password 'p' comment 'c'",
                                      "create user u with password null",
                                      "create user mapping for u server s",
                                      "create user if not exists u",
                                      "create user u with password 'unterminated",
                                      "create user",
                                      "drop user",
                                      "drop user a, b",
                                      "drop user if exists u",
                                      "create schema s",
                                      "create schema authorization u",
                                      "create schema for user",
                                      "create schema if not exists s",
                                      "grant select on t to u",
                                      "grant access to u",
                                      "grant access on t to u",
                                      "grant access on table t to u",
                                      "grant access on all tables in schema s to u",
                                      "grant access on function s.f to u",
                                      "grant access on all to u with grant option",
                                      "grant a, b to u",
                                      "revoke access on all to u",
                                      "revoke access from u",
                                      "revoke access on all from u cascade",
                                      "alter table t add column c text",
                                      "alter table s.t add c text",
                                      "alter table only s.t add column c text",
                                      "alter table if exists s.t add column c text",
                                      "alter table s.t add column if not exists c text",
                                      "alter table s.t add column c text default 'x'",
                                      "alter table s.t add column c text, add column d text",
                                      "alter table s.t alter column c set data type text",
                                      "alter table s.t alter column c type text using c::text",
                                      "alter table s.t drop column c",
                                      "alter table a.b.c add column c text",
                                      "alter table s.t rename to u",
                                      "alter system set a.b = 'v'",
                                      "alter system reset",
                                      "alter system reset a.b",
                                      "alter system set p = 'a', 'b'",
                                      "alter system set p = a b",
                                      "alter system set p = - - 1",
                                      "alter system set p = true(1)",
                                      "alter system",
                                      "drop user x; drop user y",
                                      "grant access on table U&\"a\".b to u"}) {
    EXPECT_TRUE(std::holds_alternative<PassThrough>(parse(text))) << text;
  }
}

TEST(SharedVerbs, NeverReachTheParserForOtherObjects) {
  for (const std::string_view text : {"",
                                      " ",
                                      ";",
                                      "-- list status",
                                      "/* list status */",
                                      "select 1",
                                      "create database d",
                                      "create type t as (a int)",
                                      "create external table x",
                                      "create external",
                                      "create extension sql",
                                      "\"list\" status",
                                      "'list'",
                                      "list1",
                                      "liste",
                                      "lists",
                                      "listen x",
                                      "list$a",
                                      "listé",
                                      "unlisten *",
                                      "alter database d set x = 1",
                                      "alter user u password 'p'",
                                      "alter data1",
                                      "alter role r",
                                      "drop database d",
                                      "drop role r",
                                      "drop external",
                                      "drop table t",
                                      "refresh materialized view v",
                                      "refresh",
                                      "purge x",
                                      "purge",
                                      "retry",
                                      "run sql",
                                      "run external table",
                                      "sync",
                                      "sync x",
                                      "pause",
                                      "resume transaction",
                                      "verify",
                                      "verify x",
                                      "endsync",
                                      "end",
                                      "grant select on access to u",
                                      "revoke all on t from u",
                                      "create \"data\" source x",
                                      "create data1 source",
                                      "createdata source s",
                                      "(list status)",
                                      "explain list status",
                                      "insert into t values ('list status')",
                                      "database list",
                                      "d",
                                      "l",
                                      "$1",
                                      "1"}) {
    EXPECT_FALSE(grammar::may_be_ours(text)) << text;
    EXPECT_TRUE(std::holds_alternative<PassThrough>(parse(text))) << text;
  }
}

}  // namespace
}  // namespace metadb::tests
