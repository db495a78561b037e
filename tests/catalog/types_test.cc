#include "catalog/types.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "catalog/postgres.h"
#include "tests/fakes/test_database.h"

namespace metadb::tests {
namespace {

using catalog::cast_sql;
using catalog::PgType;
using catalog::row_of;
using catalog::widened;

std::string pair_name(PgType a, PgType b) {
  return std::string(row_of(a).name) + " and " + std::string(row_of(b).name);
}

bool is_json(PgType type) {
  const PgType part = row_of(type).element.value_or(type);
  return part == PgType::json || part == PgType::jsonb;
}

TEST(Types, TableIsInTheOrderOfTheEnumeration) {
  for (size_t i = 0; i < catalog::pg_types().size(); i++) {
    EXPECT_EQ(static_cast<size_t>(catalog::pg_types()[i].type), i);
  }
  EXPECT_EQ(catalog::pg_types().size(), static_cast<size_t>(PgType::tstzrange_array) + 1);
}

TEST(Types, AreFoundByFormatTypeName) {
  for (const catalog::PgTypeRow& row : catalog::pg_types()) {
    EXPECT_EQ(catalog::pg_type_named(row.name), row.type);
  }
  EXPECT_EQ(catalog::pg_type_named("character varying"), PgType::text);
  EXPECT_EQ(catalog::pg_type_named("tsvector"), std::nullopt);
}

TEST(Types, MatchThoseOfPostgres) {
  TestDatabase database;
  auto connection = database.connect();
  for (const catalog::PgTypeRow& row : catalog::pg_types()) {
    const auto result = connection.exec(
        "SELECT format_type(t.oid, NULL), '" + std::string(row.sql) +
            "'::regtype::oid, EXISTS (SELECT FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod "
            "WHERE a.amname = 'btree' AND c.opcdefault AND (c.opcintype = t.oid "
            "OR c.opcintype = 'inet'::regtype AND t.oid = 'cidr'::regtype "
            "OR c.opcintype = 'anyarray'::regtype AND t.typcategory = 'A' AND t.typname <> '_json' "
            "OR c.opcintype = 'anyrange'::regtype AND t.typtype = 'r')), t.typelem, t.typcategory "
            "FROM pg_type t WHERE oid = $1",
        {std::to_string(row.oid)});
    ASSERT_EQ(result.rows(), 1) << row.name;
    EXPECT_EQ(result.text(0, 0), row.name);
    EXPECT_EQ(result.int64(0, 1), row.oid);
    EXPECT_EQ(result.boolean(0, 2), row.has_btree) << row.name;
    EXPECT_EQ(result.text(0, 4) == "A", row.element.has_value()) << row.name;
    if (row.element) {
      EXPECT_EQ(result.int64(0, 3), row_of(*row.element).oid) << row.name;
    }
  }
}

// As a key: made, and told apart as the table of types says.
TEST(Types, CanBeInTheIndexesThatTheTableSays) {
  TestDatabase database;
  auto connection = database.connect();
  for (const catalog::PgTypeRow& row : catalog::pg_types()) {
    SCOPED_TRACE(row.name);
    connection.exec("CREATE TEMP TABLE key (k " + std::string(row.sql) + ")");
    if (row.has_btree) connection.exec("CREATE INDEX ON key (k)");
    if (catalog::has_hash(row.type)) connection.exec("CREATE INDEX ON key USING hash (k)");
    connection.exec("DROP TABLE key");
  }
}

TEST(Widening, TakesWhatTheDialectSays) {
  EXPECT_EQ(widened(PgType::int2, PgType::int4), PgType::int4);
  EXPECT_EQ(widened(PgType::int4, PgType::int8), PgType::int8);
  EXPECT_EQ(widened(PgType::int8, PgType::int4), PgType::int8);
  EXPECT_EQ(widened(PgType::int8, PgType::numeric), PgType::numeric);
  EXPECT_EQ(widened(PgType::float4, PgType::float8), PgType::float8);
  EXPECT_EQ(widened(PgType::float8, PgType::int4), PgType::float8);
  EXPECT_EQ(widened(PgType::float4, PgType::int4), PgType::float8);
  EXPECT_EQ(widened(PgType::float8, PgType::int8), PgType::numeric);
  EXPECT_EQ(widened(PgType::float4, PgType::numeric), PgType::numeric);
  EXPECT_EQ(widened(PgType::date, PgType::timestamp), PgType::timestamp);
  EXPECT_EQ(widened(PgType::timestamp, PgType::timestamptz), PgType::text);
  EXPECT_EQ(widened(PgType::date, PgType::timestamptz), PgType::text);
  EXPECT_EQ(widened(PgType::uuid, PgType::text), PgType::text);
  EXPECT_EQ(widened(PgType::text, PgType::json), PgType::text);
  EXPECT_EQ(widened(PgType::json, PgType::text), PgType::json);
  EXPECT_EQ(widened(PgType::json, PgType::jsonb), PgType::json);
  EXPECT_EQ(widened(PgType::jsonb, PgType::json), PgType::json);
  EXPECT_EQ(widened(PgType::jsonb, PgType::text), PgType::json);
  EXPECT_EQ(widened(PgType::jsonb, PgType::int4), PgType::text);
  EXPECT_EQ(widened(PgType::json, PgType::int4), PgType::text);
  EXPECT_EQ(widened(PgType::cidr, PgType::inet), PgType::inet);
  EXPECT_EQ(widened(PgType::inet, PgType::text), PgType::text);
  EXPECT_EQ(widened(PgType::int4range, PgType::int8range), PgType::text);
  EXPECT_EQ(widened(PgType::int4_array, PgType::int8_array), PgType::int8_array);
  EXPECT_EQ(widened(PgType::int8_array, PgType::float8_array), PgType::numeric_array);
  EXPECT_EQ(widened(PgType::uuid_array, PgType::text_array), PgType::text_array);
  EXPECT_EQ(widened(PgType::int4_array, PgType::int4), PgType::text);
  EXPECT_EQ(widened(PgType::int4, PgType::int4_array), PgType::text);
}

TEST(Widening, IsStableForAllPairs) {
  for (const auto& a : catalog::pg_types()) {
    for (const auto& b : catalog::pg_types()) {
      const PgType wide = widened(a.type, b.type);
      EXPECT_EQ(widened(wide, b.type), wide) << pair_name(a.type, b.type);
      EXPECT_EQ(widened(wide, a.type), wide) << pair_name(a.type, b.type);
      EXPECT_EQ(widened(a.type, a.type), a.type);
      EXPECT_EQ(widened(PgType::text, b.type), PgType::text);
      // Only a json column depends on who came first.
      if (!is_json(a.type) && !is_json(b.type)) {
        EXPECT_EQ(widened(b.type, a.type), wide) << pair_name(a.type, b.type);
      }
    }
  }
}

// A column moves only upwards: no sequence of events brings it back to a type that it has left.
TEST(Widening, NeverReturnsToATypeItLeft) {
  for (const auto& a : catalog::pg_types()) {
    for (const auto& b : catalog::pg_types()) {
      for (const auto& c : catalog::pg_types()) {
        const PgType second = widened(a.type, b.type);
        if (second == a.type) continue;
        EXPECT_NE(widened(second, c.type), a.type) << pair_name(a.type, b.type) << c.name;
      }
    }
  }
}

const std::map<PgType, std::vector<std::string>>& extremes() {
  static const std::map<PgType, std::vector<std::string>> kSamples = {
      {PgType::boolean, {"true", "false"}},
      {PgType::int2, {"-32768", "32767", "0"}},
      {PgType::int4, {"-2147483648", "2147483647", "16777217"}},
      {PgType::int8, {"-9223372036854775808", "9223372036854775807", "9007199254740993"}},
      {PgType::float4, {"3.4028235e+38", "1e-45", "0.1", "-Infinity", "NaN", "16777216"}},
      {PgType::float8,
       {"1.7976931348623157e+308", "5e-324", "0.1", "Infinity", "0.30000000000000004"}},
      {PgType::numeric,
       {"0.000000000000000000000000000001", "-99999999999999999999999999.50", "NaN"}},
      {PgType::text, {"", "caf\xc3\xa9", "{\"a\": 1}"}},
      {PgType::bytea, {"", "\\x00ff5c"}},
      {PgType::date, {"4713-11-24 BC", "294276-12-31", "infinity", "-infinity"}},
      {PgType::time, {"00:00:00", "24:00:00", "23:59:59.999999"}},
      {PgType::timetz, {"00:00:00+15:59:59", "23:59:59.999999-15:59:59"}},
      {PgType::timestamp, {"4713-11-24 00:00:00 BC", "294276-12-31 23:59:59.999999", "infinity"}},
      {PgType::timestamptz,
       {"4713-11-24 00:00:00+00 BC", "294276-12-31 23:59:59.999999+00", "-infinity"}},
      {PgType::uuid,
       {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"}},
      {PgType::json,
       {"{\"b\":1,\"a\":1.00}", "{\"a\":1, \"a\":2, \"x\":1e2, \"y\":\"\\u0000\"}", "\"x\"",
        "null"}},
      {PgType::jsonb, {"{\"a\": 1.00}", "[]"}},
      {PgType::inet, {"10.0.0.1", "10.1.2.3/8", "::1", "fe80::1/64"}},
      {PgType::cidr, {"10.0.0.0/8", "10.0.0.1/32", "::/0"}},
      {PgType::macaddr, {"08:00:2b:01:02:03"}},
      {PgType::macaddr8, {"08:00:2b:01:02:03:04:05"}},
      {PgType::interval, {"1 year 2 mons -3 days +04:05:06.789", "-178000000 years", "00:00:00"}},
      {PgType::varbit, {"", "0001", "101"}},
      {PgType::int4range, {"[1,6000)", "empty", "(,)"}},
      {PgType::int8range, {"[-9223372036854775808,9223372036854775807)"}},
      {PgType::numrange, {"[1.50,2]", "(,1.0)"}},
      {PgType::daterange, {"[2019-01-01,infinity)"}},
      {PgType::tsrange, {"[\"2019-03-31 15:30:00\",infinity]"}},
      {PgType::tstzrange, {"[\"2019-03-31 15:30:00+00\",)"}},
      {PgType::point, {"(1.5,-0.1)"}},
      {PgType::line, {"{1,-1,0.1}"}},
      {PgType::circle, {"<(1,2),0.1>"}},
      {PgType::box, {"(3,4),(1,2)"}},
      {PgType::lseg, {"[(1,2),(3,4)]"}},
      {PgType::path, {"[(1,2),(3,0.1)]", "((1,2))"}},
      {PgType::polygon, {"((0,0),(0,1),(1,1))"}},
  };
  return kSamples;
}

// Of arrays: those of their elements, as elements.
std::vector<std::string> extremes_of(const catalog::PgTypeRow& row) {
  if (!row.element) return extremes().at(row.type);
  std::vector<std::string> out = {"{}", "{NULL}"};
  std::string all;
  for (const std::string& sample : extremes().at(*row.element)) {
    std::string quoted = "\"";
    for (const char c : sample) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
    all += (all.empty() ? "" : ",") + quoted + "\"";
  }
  out.push_back("{" + all + ",NULL}");
  return out;
}

// The value goes to the wider type and back by PostgreSQL's own input and output, and is the same.
TEST(Casts, LoseNoValue) {
  TestDatabase database;
  auto connection = database.connect();
  connection.exec(
      "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; "
      "SET extra_float_digits = 1; SET bytea_output = 'hex'");
  for (const auto& from : catalog::pg_types()) {
    for (const auto& other : catalog::pg_types()) {
      const PgType to = widened(other.type, from.type);
      for (const std::string& sample : extremes_of(from)) {
        const PgType part = row_of(to).element.value_or(to);
        const bool is_of_text = from.element.value_or(from.type) == PgType::text;
        if (is_json(part) && is_of_text && sample != "{\"a\": 1}") continue;
        const std::string value = "$1::text::" + std::string(from.sql);
        const std::string there = cast_sql(from.type, to, value);
        const std::string back = "(" + there + ")::text::" + std::string(from.sql);
        SCOPED_TRACE(sample + ": " + there);
        const auto result = connection.exec(
            "SELECT (" + value + ")::text, (" + back + ")::text, pg_typeof(" + there + ")::oid",
            {sample});
        EXPECT_EQ(result.text(0, 1), result.text(0, 0));
        EXPECT_EQ(result.int64(0, 2), row_of(to).oid);
      }
    }
  }
}

// Whatever a column is altered to by hand: the cast is one that PostgreSQL has, so that at most the
// value can fail.
TEST(Casts, AreThoseOfPostgresqlBetweenAnyTwoTypes) {
  TestDatabase database;
  auto connection = database.connect();
  for (const auto& from : catalog::pg_types()) {
    for (const auto& to : catalog::pg_types()) {
      const std::string value = "NULL::" + std::string(from.sql);
      const std::string cast = cast_sql(from.type, to.type, value);
      SCOPED_TRACE(cast);
      EXPECT_EQ(connection.exec("SELECT pg_typeof(" + cast + ")::oid").int64(0, 0), to.oid);
      // Through text only where there is no other way, or digits would be lost.
      const bool is_through_text = cast.find("::text::") != std::string::npos;
      const bool is_float = from.type == PgType::float4 || from.type == PgType::float8;
      if (!is_through_text || (is_float && to.type == PgType::numeric)) continue;
      if (from.type == PgType::bytea || to.type == PgType::bytea) continue;  // since PostgreSQL 18
      if (from.element || to.element) continue;  // as their output is, whatever the elements' cast
      EXPECT_THROW(connection.exec("SELECT " + value + "::" + std::string(to.sql)), catalog::Error);
    }
  }
}

TEST(Casts, RoundAsPostgresqlDoes) {
  TestDatabase database;
  auto connection = database.connect();
  const auto cast = [&](PgType from, PgType to, const std::string& value) {
    return std::string(
        connection.exec("SELECT " + cast_sql(from, to, value) + "::text").text(0, 0));
  };
  EXPECT_EQ(cast(PgType::numeric, PgType::int4, "1.5"), "2");
  EXPECT_EQ(cast(PgType::timestamp, PgType::date, "timestamp '2026-01-02 03:04'"), "2026-01-02");
  EXPECT_EQ(cast(PgType::int4, PgType::date, "20260102"), "2026-01-02");
  EXPECT_THROW(cast(PgType::boolean, PgType::numeric, "true"), catalog::Error);
}

}  // namespace
}  // namespace metadb::tests
