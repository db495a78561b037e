#include "ingest/child_rows.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace metadb::tests {
namespace {

using catalog::PgType;
using ingest::ChildRows;
using ingest::ChildShape;
using ingest::JsonMap;
using testing::ElementsAre;
using testing::IsEmpty;

// s.items__t with a column for field `n` and one that is inferred to be a uuid.
catalog::Table table() {
  catalog::Table out;
  out.schema = "s";
  out.current_name = "items__t";
  out.main_name = "items__t__";
  out.columns = {{"__root__id", "integer", PgType::int4},
                 {"n", "numeric", PgType::numeric},
                 {"u", "uuid", PgType::uuid, catalog::TypeChoice::inferred},
                 {"kept", "integer", PgType::int4, catalog::TypeChoice::by_hand}};
  out.key_columns = {"__root__id"};
  out.renamed = {{".n", "n"}, {".u", "u"}, {".kept", "kept"}};
  return out;
}

const JsonMap kMap{"t", "", {}};

struct Result {
  ingest::ChildNeeds needs;
  std::set<std::string> full;
  std::set<std::string> too_deep;
  int64_t rows = 0;
  size_t bytes = 0;
};

Result taken(const std::vector<std::string>& documents, bool has_table = true) {
  const ChildShape shape(table());
  Result out;
  ChildRows rows([&](const std::string&, std::string_view tuples) { out.bytes += tuples.size(); },
                 3);
  if (has_table) rows.add_table("t", &shape);
  int64_t p = 0;
  for (const std::string& document : documents) rows.add_document(kMap, document, ++p);
  rows.finish();
  out.needs = rows.needs();
  out.full = rows.full();
  out.too_deep = rows.too_deep();
  out.rows = rows.rows("t");
  return out;
}

TEST(ChildRows, AreTuplesOfTheTable) {
  const Result result =
      taken({R"({"n":1,"u":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","kept":"7"})", "{}"});
  EXPECT_THAT(result.needs, IsEmpty());
  EXPECT_EQ(result.rows, 2);
  // Field count, p, i, numeric, texts; then p, i and three NULLs.
  EXPECT_EQ(result.bytes, (2 + 12 + 12 + 14 + 40 + 5) + (2 + 12 + 12 + 3 * 4));
}

TEST(ChildRows, LookAtEverythingOnceSomethingIsLacking) {
  const Result result = taken({R"({"n":1})", R"({"n":"x","a":1,"b":true})", R"({"a":2,"b":"z"})",
                               R"({"u":"6BA7B810-9DAD-11D1-80B4-00C04FD430C8"})", R"({"u":5})"});
  ASSERT_EQ(result.needs.size(), 1U);
  const ingest::ChildNeed& need = result.needs.at("t");
  EXPECT_THAT(need.to_text, ElementsAre("n", "u"));
  EXPECT_THAT(need.columns,
              ElementsAre(ingest::ChildNeed::NewColumn{".a", "a", ingest::JsonType::numeric},
                          ingest::ChildNeed::NewColumn{".b", "b", ingest::JsonType::text}));
  EXPECT_EQ(result.bytes, 0U);
}

TEST(ChildRows, LeaveOutFieldsThatATableCannotHave) {
  std::string document = "{";
  for (int i = 0; i < 1500; ++i) document += fmt::format("{}\"f{}\":1", i > 0 ? "," : "", i);
  const Result result = taken({document + "}"}, false);
  EXPECT_EQ(result.needs.at("t").columns.size(), ChildRows::kColumnsMax);
  EXPECT_THAT(result.full, ElementsAre("t"));
}

TEST(ChildRows, LeaveOutRowsForWhoseOrdinalsAnIndexHasNoRoom) {
  const Result result = taken({R"([1,[2,[3]],[[[4]]]])"}, false);
  using Levels = std::vector<ingest::ChildLevel>;
  EXPECT_EQ(result.needs.at("t").levels, (Levels{{"t", 1}, {"t", 2}, {"t", 3}}));
  EXPECT_THAT(result.too_deep, ElementsAre("t"));
  EXPECT_EQ(ingest::ordinal_source_column({"t", 3}), "__ord__t.3");
  EXPECT_EQ(ingest::ordinal_name({"t", 3}), "__ord__t_3");
}

TEST(ChildRows, NamesOfFieldsInTheCatalogAreShortAndPlain) {
  const std::string long_field(5000, 'x');
  EXPECT_LE(ingest::child_source_column("id", long_field).size(), 200U);
  EXPECT_NE(ingest::child_source_column("id", long_field + "a"),
            ingest::child_source_column("id", long_field + "b"));
  EXPECT_EQ(ingest::child_source_column("", std::string_view("a\0b", 3)), ".a?b");
}

}  // namespace
}  // namespace metadb::tests
