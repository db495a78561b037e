// Types that the backing database reads for us, through a worker into tables: with and without the
// extensions that they belong to.
#include "catalog/carried_types.h"

#include <gmock/gmock.h>

#include "ingest/debezium.h"
#include "tests/ingest/debezium_samples.h"
#include "tests/ingest/worker_fixture.h"

namespace metadb::tests {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kGeometryName = "io.debezium.data.geometry.Geometry";
const std::string kJsonName = "io.debezium.data.Json";
const std::string kOneTwo = R"({"wkb":"AQEAACDmEAAAAAAAAAAA8D8AAAAAAAAAQA==","srid":4326})";
const std::string kOneTwoText = "0101000020E6100000000000000000F03F0000000000000040";

// A column, a value of it, and what becomes of both.
struct Carried {
  TestField field;
  std::string json;
  std::string type;
  std::string text;
};

class CarriedTypes : public WorkerTest {
 protected:
  void send(const std::vector<TestField>& row, const std::string& after, const std::string& op) {
    ingest::RecordedMessage message;
    message.topic = "srv.public.t";
    message.timestamp_ms = 1'700'000'000'000;
    message.key = key_json({row.front()}, R"({"id":1})");
    message.value = change_json(row, {.op = op, .after = after});
    topics_.add(message);
  }
  void send(const TestField& column, const std::string& json, const std::string& op = "u") {
    send({{"id", "int32", "", ""}, column}, R"({"id":1,")" + column.name + "\":" + json + "}", op);
  }
  void apply() {
    if (!worker_) start(topics_);
    ASSERT_TRUE(catches_up(topics_));
    ASSERT_THAT(rows("SELECT error FROM metadb.dead_letter"), IsEmpty());
  }
  void have(const std::vector<std::string>& extensions) {
    for (const std::string& name : extensions) watcher_.exec("CREATE EXTENSION " + name);
  }
  std::vector<std::string> type_of(const std::string& column) {
    return rows(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = "
        "'public.t'::regclass AND attname = '" +
        column + "'");
  }
  // Of the current row.
  std::vector<std::string> value_of(const std::string& column) {
    return rows("SELECT " + column + " FROM public.t");
  }
  int64_t versions() { return count("public.t__"); }

  void expect_kept(const std::vector<Carried>& columns) {
    std::vector<TestField> row = {{"id", "int32", "", ""}};
    std::string after = R"({"id":1)";
    std::string nulls = after;
    for (const Carried& column : columns) {
      row.push_back(column.field);
      after += ",\"" + column.field.name + "\":" + column.json;
      nulls += ",\"" + column.field.name + "\":null";
    }
    send(row, after + "}", "r");
    apply();
    for (const Carried& column : columns) {
      EXPECT_THAT(type_of(column.field.name), ElementsAre(column.type)) << column.field.name;
      EXPECT_THAT(value_of(column.field.name), ElementsAre(column.text)) << column.field.name;
    }
    send(row, after + "}", "u");
    apply();
    EXPECT_EQ(versions(), 1) << "the same values made another version";
    send(row, nulls + "}", "u");
    apply();
    EXPECT_EQ(versions(), 2);
    for (const Carried& column : columns) {
      EXPECT_THAT(value_of(column.field.name), ElementsAre("NULL")) << column.field.name;
    }
  }

  RecordedTopics topics_;
};

std::string items(const std::string& type, const std::string& semantic = "") {
  return R"({"type":")" + type + "\"" + (semantic.empty() ? "" : R"(,"name":")" + semantic + "\"") +
         R"(,"optional":true})";
}

std::vector<TestField> fields() {
  return {
      {"map", "map", "", ""},
      {"pairs", "string", kJsonName, source_type("HSTORE")},
      {"maps", "array", "", "", items("map")},
      {"shape", "struct", kGeometryName, ""},
      {"place", "struct", kGeometryName, source_type("GEOGRAPHY")},
      {"shapes", "array", "", "", items("struct", kGeometryName)},
      {"path", "string", "io.debezium.data.Ltree", ""},
      {"paths", "array", "", "", items("string", "io.debezium.data.Ltree")},
      {"word", "string", "", source_type("CITEXT")},
      {"words", "array", "", source_type("_CITEXT"), items("string")},
      {"book", "string", "", source_type("ISBN")},
      {"markup", "string", "io.debezium.data.Xml", ""},
      {"lexemes", "string", "io.debezium.data.Tsvector", ""},
      {"ranges", "bytes", "", source_type("INT4MULTIRANGE")},
      {"square", "bytes", "", source_type("BOX")},
  };
}

std::vector<std::string> values() {
  return {R"({"k":"v","n":null,"":"a \"b\" \\ c"})",
          R"("{\"n\":null}")",
          R"([{"k":"v"},null,{}])",
          kOneTwo,
          kOneTwo,
          "[" + kOneTwo + ",null]",
          R"("Top.Science")",
          R"(["a.b",null])",
          R"("aBc")",
          R"(["aBc",null])",
          R"("0-393-04002-X!")",
          R"("<a b=\"c\"/>")",
          R"("'a':1A")",
          R"("e1sxLDMpLFs1LDcpfQ==")",
          R"("KDMsNCksKDEsMik=")"};
}

std::vector<Carried> carried(const std::vector<std::pair<std::string, std::string>>& become) {
  std::vector<Carried> out;
  for (size_t i = 0; i < become.size(); ++i)
    out.push_back({fields()[i], values()[i], become[i].first, become[i].second});
  return out;
}

TEST_F(CarriedTypes, AreTheSourcesWhereTheDatabaseHasThem) {
  have({"hstore", "postgis", "ltree", "citext", "isn"});
  expect_kept(carried({{"hstore", R"(""=>"a \"b\" \\ c", "k"=>"v", "n"=>NULL)"},
                       {"hstore", R"("n"=>NULL)"},
                       {"hstore[]", R"({"\"k\"=>\"v\"",NULL,""})"},
                       {"geometry", kOneTwoText},
                       {"geography", kOneTwoText},
                       {"geometry[]", "{" + kOneTwoText + ":NULL}"},
                       {"ltree", "Top.Science"},
                       {"ltree[]", "{a.b,NULL}"},
                       {"citext", "aBc"},
                       {"citext[]", "{aBc,NULL}"},
                       {"isbn", "0-393-04002-X!"},
                       {"xml", "<a b=\"c\"/>"},
                       {"tsvector", "'a':1A"},
                       {"int4multirange", "{[1,3),[5,7)}"},
                       {"box", "(3,4),(1,2)"}}));
}

TEST_F(CarriedTypes, AreWhatCarriesThemWhereItDoesNot) {
  const std::string bytes = "\\x0101000020e6100000000000000000f03f0000000000000040";
  expect_kept(carried({{"jsonb", R"({"": "a \"b\" \\ c", "k": "v", "n": null})"},
                       {"jsonb", R"({"n": null})"},
                       {"jsonb[]", R"({"{\"k\": \"v\"}",NULL,"{}"})"},
                       {"bytea", bytes},
                       {"bytea", bytes},
                       {"bytea[]", "{\"\\" + bytes + "\",NULL}"},
                       {"text", "Top.Science"},
                       {"text[]", "{a.b,NULL}"},
                       {"text", "aBc"},
                       {"text[]", "{aBc,NULL}"},
                       {"text", "0-393-04002-X!"},
                       {"xml", "<a b=\"c\"/>"},
                       {"tsvector", "'a':1A"},
                       {"int4multirange", "{[1,3),[5,7)}"},
                       {"box", "(3,4),(1,2)"}}));
}

TEST_F(CarriedTypes, AreFoundInWhateverSchemaTheExtensionIs) {
  watcher_.exec("CREATE SCHEMA \"Odd.ones\"; CREATE EXTENSION hstore SCHEMA \"Odd.ones\"");
  send({"h", "map", "", ""}, R"({"k":"v"})", "c");
  apply();
  EXPECT_THAT(type_of("h"), ElementsAre("\"Odd.ones\".hstore"));
  EXPECT_THAT(value_of("h"), ElementsAre(R"("k"=>"v")"));
}

// Its input would run with our rights.
TEST_F(CarriedTypes, AreNotWhatAUserCallsTheSame) {
  watcher_.exec("CREATE DOMAIN public.hstore AS jsonb; CREATE DOMAIN public.ltree AS text");
  send({"h", "map", "", ""}, "{}", "c");
  send({"l", "string", "io.debezium.data.Ltree", ""}, R"("a")");
  apply();
  EXPECT_THAT(type_of("h"), ElementsAre("jsonb"));
  EXPECT_THAT(type_of("l"), ElementsAre("text"));
}

// pgvector is no package of Debian 12's.
TEST_F(CarriedTypes, VectorsAreReadByTheirExtension) {
  have({"isn"});
  watcher_.exec("SET allow_system_table_mods = on");
  for (const std::string name : {"vector", "halfvec", "sparsevec"}) {
    watcher_.exec("CREATE DOMAIN public." + name +
                  " AS text; ALTER EXTENSION isn ADD DOMAIN public." + name);
  }
  watcher_.exec("UPDATE pg_extension SET extname = 'vector' WHERE extname = 'isn'");
  expect_kept(
      {{{"wide", "array", "io.debezium.data.DoubleVector", "", items("double")},
        "[1.0,2.5]",
        "vector",
        "[1,2.5]"},
       {{"half", "array", "io.debezium.data.FloatVector", source_type("HALFVEC"), items("float")},
        "[1.0,2.5]",
        "halfvec",
        "[1,2.5]"},
       {{"sparse", "struct", "io.debezium.data.SparseDoubleVector", ""},
        R"({"dimensions":5,"vector":[[1,0.5],[3,2.0]]})",
        "sparsevec",
        "{1:0.5,3:2}/5"}});
}

TEST_F(CarriedTypes, ColumnsStayAsTheyWereMadeWhenTheExtensionComes) {
  send({"early", "map", "", ""}, R"({"k":"v"})", "c");
  apply();
  have({"hstore"});
  send({{"id", "int32", "", ""}, {"early", "map", "", ""}, {"late", "map", "", ""}},
       R"({"id":1,"early":{"k":"w"},"late":{"k":"x"}})", "u");
  apply();
  EXPECT_THAT(type_of("early"), ElementsAre("jsonb"));
  EXPECT_THAT(type_of("late"), ElementsAre("hstore"));
  EXPECT_THAT(rows("SELECT early, late FROM public.t"), ElementsAre(R"({"k": "w"},"k"=>"x")"));
}

TEST_F(CarriedTypes, GeometriesAreMadeOfTheirBytesByHand) {
  send({"g", "struct", kGeometryName, ""}, kOneTwo, "c");
  apply();
  stop();
  have({"postgis"});
  const auto snapshot = catalog_.snapshot();
  const catalog::Table& table = *snapshot->tables.at({"public", "t"});
  catalog::Connection connection = catalog_.connect();
  catalog::Transaction transaction(connection);
  catalog::change_types(connection, table,
                        {{"g", "public.geometry", std::nullopt, catalog::TypeChoice::by_hand}});
  catalog::revise(connection, table);
  transaction.commit();
  EXPECT_THAT(value_of("g"), ElementsAre(kOneTwoText));
  send({"g", "struct", kGeometryName, ""}, R"({"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAABA","srid":null})");
  apply();
  EXPECT_THAT(value_of("g"), ElementsAre("0101000000000000000000F03F0000000000000040"));
}

TEST_F(CarriedTypes, AValueThatTheTypeRefusesMakesTheColumnText) {
  have({"ltree", "postgis", "hstore"});
  const std::vector<TestField> row = {{"id", "int32", "", ""},
                                      {"x", "string", "io.debezium.data.Xml", ""},
                                      {"l", "string", "io.debezium.data.Ltree", ""},
                                      {"v", "string", "io.debezium.data.Tsvector", ""},
                                      {"g", "struct", kGeometryName, ""},
                                      {"h", "map", "", ""}};
  const auto write = [&](const std::string& values, const std::string& op) {
    send(row, R"({"id":1,)" + values + "}", op);
  };
  write(R"("x":"<a/>","l":"a.b","v":"'a'","g":)" + kOneTwo + R"(,"h":{"k":"v"})", "c");
  apply();
  EXPECT_THAT(type_of("g"), ElementsAre("geometry"));
  write(R"("x":"<a>","l":"a b","v":"'a","g":{"wkb":"AQoAAAA="},"h":[[1,2]])", "u");
  write(R"("x":"<c/>","l":"c","v":"'c'","g":null,"h":{"k":"w"})", "u");
  apply();
  for (const std::string column : {"x", "l", "v", "g", "h"}) {
    EXPECT_THAT(type_of(column), ElementsAre("text")) << column;
  }
  EXPECT_THAT(rows("SELECT x, l, v, g, h FROM public.t__ ORDER BY __id"),
              ElementsAre("<a/>,a.b,'a'," + kOneTwoText + R"(,"k"=>"v")",
                          R"(<a>,a b,'a,\x010a000000,[[1, 2]])", R"(<c/>,c,'c',NULL,{"k": "w"})"));
}

TEST_F(CarriedTypes, AnotherTypeInTheSourceMakesTheColumnText) {
  have({"hstore"});
  send({"h", "map", "", ""}, R"({"k":"v"})", "c");
  apply();
  send({"h", "int32", "", ""}, "7");
  send({"h", "map", "", ""}, R"({"k":"w"})");
  apply();
  EXPECT_THAT(type_of("h"), ElementsAre("text"));
  EXPECT_THAT(rows("SELECT h FROM public.t__ ORDER BY __id"),
              ElementsAre(R"("k"=>"v")", "7", R"({"k": "w"})"));
}

TEST_F(CarriedTypes, StayAsTheyAreInEventsWithoutSchemas) {
  have({"hstore", "postgis"});
  const std::vector<TestField> row = {{"id", "int32", "", ""},
                                      {"h", "map", "", ""},
                                      {"g", "struct", kGeometryName, ""},
                                      {"b", "struct", kGeometryName, source_type("BOX")},
                                      {"x", "string", "io.debezium.data.Xml", ""},
                                      {"m", "array", "", "", items("map")}};
  send(row, R"({"id":1,"h":null,"g":null,"b":null,"x":null,"m":null})", "c");
  apply();
  ingest::RecordedMessage bare;
  bare.topic = "srv.public.t";
  bare.timestamp_ms = 1'700'000'000'000;
  bare.key = R"({"id":1})";
  bare.value = envelope_json(
      {.op = "u",
       .after = R"({"id":1,"h":{"k":null},"g":)" + kOneTwo +
                R"(,"b":{"wkb":"AQMAAAABAAAABQAAAAAAAAAAAPA/AAAAAAAAAEAAAAAAAADwPwAAAAAA)"
                R"(ABBAAAAAAAAACEAAAAAAAAAQQAAA)"
                R"(AAAAAAhAAAAAAAAAAEAAAAAAAADwPwAAAAAAAABA",)"
                R"("extensions":{"type":"box"}},"x":"<a/>","m":[{"k":"v"},null]})"});
  topics_.add(bare);
  apply();
  EXPECT_THAT(
      rows("SELECT h, g, b, x, m FROM public.t"),
      ElementsAre(R"("k"=>NULL,)" + kOneTwoText + R"x(,(3,4),(1,2),<a/>,{"\"k\"=>\"v\"",NULL})x"));
  EXPECT_THAT(type_of("h"), ElementsAre("hstore"));
  EXPECT_THAT(type_of("g"), ElementsAre("geometry"));
  EXPECT_THAT(type_of("b"), ElementsAre("box"));
  EXPECT_THAT(type_of("x"), ElementsAre("xml"));
}

TEST_F(CarriedTypes, CanBeKeys) {
  have({"citext", "ltree"});
  const std::vector<TestField> row = {{"c", "string", "", source_type("CITEXT")},
                                      {"l", "string", "io.debezium.data.Ltree", ""},
                                      {"v", "int32", "", ""}};
  const auto write = [&](const std::string& c, const std::string& l, int v, const std::string& op) {
    ingest::RecordedMessage message;
    message.topic = "srv.public.t";
    message.timestamp_ms = 1'700'000'000'000;
    const std::string key = R"("c":")" + c + R"(","l":")" + l + "\"";
    message.key = key_json({row[0], row[1]}, "{" + key + "}");
    const std::string image = "{" + key + ",\"v\":" + std::to_string(v) + "}";
    message.value = op == "d" ? change_json(row, {.op = op, .before = image, .after = "null"})
                              : change_json(row, {.op = op, .after = image});
    topics_.add(message);
  };
  write("A", "x.y", 1, "c");
  write("B", "", 2, "c");
  apply();
  write("A", "x.y", 3, "u");
  write("B", "", 2, "d");
  apply();
  EXPECT_THAT(rows("SELECT c, l, v, __current FROM public.t__ ORDER BY v"),
              ElementsAre("A,x.y,1,f", "B,,2,f", "A,x.y,3,t"));
}

TEST_F(CarriedTypes, TellRowsWithoutKeyApart) {
  have({"hstore", "postgis"});
  const std::vector<TestField> row = {{"h", "map", "", ""},
                                      {"g", "struct", kGeometryName, ""},
                                      {"x", "string", "io.debezium.data.Xml", ""}};
  const auto image = [](const std::string& h) {
    return R"({"h":{"k":")" + h + R"("},"g":)" + kOneTwo + R"(,"x":"<a/>"})";
  };
  const auto write = [&](const TestEnvelope& envelope) {
    ingest::RecordedMessage message;
    message.topic = "srv.public.t";
    message.timestamp_ms = 1'700'000'000'000;
    message.value = change_json(row, envelope);
    topics_.add(message);
  };
  for (const std::string h : {"a", "b", "c"}) write({.op = "r", .after = image(h)});
  apply();
  write({.op = "u", .before = image("a"), .after = image("d")});
  write({.op = "d", .before = image("b"), .after = "null"});
  apply();
  EXPECT_THAT(rows("SELECT h -> 'k', __current FROM public.t__ ORDER BY 1"),
              ElementsAre("a,f", "b,f", "c,t", "d,t"));
}

TEST_F(CarriedTypes, AreFilledWhereTheyAreUnavailable) {
  have({"hstore"});
  const std::string marker = "__debezium_unavailable_value";
  const std::vector<TestField> row = {{"id", "int32", "", ""},
                                      {"h", "map", "", ""},
                                      {"x", "string", "io.debezium.data.Xml", ""},
                                      {"q", "bytes", "", source_type("TSQUERY")},
                                      {"v", "int32", "", ""}};
  send(row, R"({"id":1,"h":{"k":"v"},"x":"<a/>","q":"J2En","v":1})", "c");
  apply();
  send(row,
       R"({"id":1,"h":{")" + marker + R"(":")" + marker + R"("},"x":")" + marker +
           R"(","q":"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==","v":2})",
       "u");
  apply();
  EXPECT_THAT(rows("SELECT h, x, q, v FROM public.t"), ElementsAre(R"("k"=>"v",<a/>,'a',2)"));
}

TEST(CarriedType, IsKnownByItsName) {
  using catalog::carried_type_named;
  using catalog::CarriedType;
  for (const catalog::CarriedTypeRow& row : catalog::carried_types()) {
    const std::string name = (row.extension.empty() ? "" : "\"a.b\".") + std::string(row.name);
    EXPECT_EQ(catalog::row_of(row.type).name, row.name);
    EXPECT_EQ(carried_type_named(name), (catalog::CarriedColumn{row.type, false}));
    EXPECT_EQ(carried_type_named(name + "[]"), (catalog::CarriedColumn{row.type, true}));
  }
  EXPECT_EQ(carried_type_named("hstore"), std::nullopt);
  EXPECT_EQ(carried_type_named("public.xml"), std::nullopt);
  EXPECT_EQ(carried_type_named("text"), std::nullopt);
}

}  // namespace
}  // namespace metadb::tests
