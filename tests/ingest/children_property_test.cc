// Random documents that come, change, move and go: the transformed tables equal a model that is
// told event by event, however the events are cut into batches.
#include <regex>

#include "ingest/json_rows.h"
#include "tests/ingest/children_fixture.h"
#include "tests/ingest/history_model.h"

namespace metadb::tests {
namespace {

using ingest::JsonMap;
using ingest::JsonNode;
using ingest::Op;

using Values = std::map<std::string, std::string>;  // by column; NULLs are left out

// A row of a document: table, ordinals and values.
struct DocumentRow {
  std::string key;
  Values values;
};

using Ordinals =
    std::map<std::string, std::string>;  // by what follows __ord__ in the column's name

// A level that a row has not counts as one of one element.
std::string key_text(const std::string& id, Ordinals ordinals) {
  std::erase_if(ordinals, [](const auto& one) { return one.second == "1"; });
  std::string out = id;
  for (const auto& [level, ordinal] : ordinals) out += fmt::format(" {}[{}]", level, ordinal);
  return out;
}

class Collected : public ingest::JsonRowSink {
 public:
  void begin(const JsonMap& table, std::span<const ingest::JsonLevel> levels) override {
    Ordinals ordinals;
    for (const ingest::JsonLevel& level : levels)
      ordinals[level.depth == 1 ? level.array->id
                                : fmt::format("{}_{}", level.array->id, level.depth)] =
          std::to_string(level.ordinal);
    rows.push_back({key_text(table.id, ordinals), {}});
  }
  void member(std::string_view id, std::string_view field, const JsonNode& value) override {
    const std::string name = id.empty() ? std::string(field) : fmt::format("{}__{}", id, field);
    rows.back().values.erase(name);
    if (json_type(value)) rows.back().values[name] = value.text;
  }
  void element(const JsonNode& value) override {
    if (json_type(value)) rows.back().values["list"] = value.text;
  }
  void end() override {}
  std::vector<DocumentRow> rows;
};

// The versions of the rows of all documents.
class ChildrenModel {
 public:
  explicit ChildrenModel(JsonMap map) : map_(std::move(map)) {}

  // What became of a root with its last event; `before`: how many versions it had.
  void follow(const std::string& root, const std::vector<Version>& versions, size_t before) {
    if (versions.empty()) return;
    const Version& last = versions.back();
    std::map<std::string, Line>& live = live_[root];
    if (last.end_us != INT64_MAX) {
      for (auto& [key, line] : live) end(root, key, line, last.end_us);
      live.clear();
    } else if (versions.size() > before) {
      begin(root, live, last);
    }
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> out = ended_;
    for (const auto& [root, lines] : live_) {
      for (const auto& [key, line] : lines) out.push_back(shown(root, key, line, INT64_MAX));
    }
    std::ranges::sort(out);
    return out;
  }
  static std::string shown(const std::string& values, int64_t start_us, int64_t end_us) {
    return fmt::format("{} | {} - {}", values, start_us,
                       end_us == INT64_MAX ? "now" : std::to_string(end_us));
  }

 private:
  struct Line {
    Values values;
    int64_t start_us = 0;
  };
  static std::string shown(const std::string& root, const std::string& key, const Line& line,
                           int64_t end_us) {
    std::string text = fmt::format("{} of {}:", key, root);
    for (const auto& [name, value] : line.values) text += fmt::format(" {}={}", name, value);
    return shown(text, line.start_us, end_us);
  }
  void end(const std::string& root, const std::string& key, const Line& line, int64_t end_us) {
    ended_.push_back(shown(root, key, line, end_us));
  }
  void begin(const std::string& root, std::map<std::string, Line>& live, const Version& version) {
    std::map<std::string, Values> next;
    if (version.values[0]) {
      Collected rows;
      transform_json(map_, *ingest::parse_json(parser_, *version.values[0]), rows);
      for (const DocumentRow& row : rows.rows) next[row.key] = row.values;
    }
    for (auto line = live.begin(); line != live.end();) {
      const auto found = next.find(line->first);
      const bool goes_on = found != next.end() && found->second == line->second.values;
      if (goes_on) {
        next.erase(found);
        ++line;
      } else {
        end(root, line->first, line->second, version.start_us);
        line = live.erase(line);
      }
    }
    for (const auto& [key, values] : next) live[key] = {values, version.start_us};
  }

  JsonMap map_;
  ingest::JsonParser parser_;
  std::map<std::string, std::map<std::string, Line>> live_;  // by root and key
  std::vector<std::string> ended_;
};

class RandomDocument {
 public:
  explicit RandomDocument(Random& random) : random_(random) {}

  std::string document() {
    if (random_.one_in(12)) return random_.one_in(2) ? "7" : "null";
    return object(0);
  }

 private:
  std::string object(int depth) {
    std::string out = "{";
    const auto add = [&](const std::string& name, const std::string& value) {
      out += fmt::format("{}\"{}\":{}", out.size() > 1 ? "," : "", name, value);
    };
    for (const char* name : {"x", "y", "z"}) {
      if (!random_.one_in(3)) add(name, scalar());
    }
    if (depth < 2 && !random_.one_in(3)) add("o", random_.one_in(5) ? scalar() : object(depth + 1));
    // Elements have no field that is called as their own column is.
    if (depth < 2 && !random_.one_in(3))
      add("list", depth == 0 && random_.one_in(5) ? scalar() : array(depth + 1));
    return out + "}";
  }
  std::string array(int depth) {
    std::string out = "[";
    const int count = depth > 4 ? 1 : random_.below(5);
    for (int i = 0; i < count; ++i) {
      const int dice = random_.below(6);
      out += i > 0 ? "," : "";
      out += dice == 0 ? array(depth + 1) : dice < 3 ? object(depth) : scalar();
    }
    return out + "]";
  }
  // Numbers, mostly: a column of another type comes late or never.
  std::string scalar() {
    const int dice = random_.below(40);
    if (dice == 0) return "\"text\"";
    if (dice == 1) return "true";
    if (dice < 4) return "null";
    if (dice < 6) return "{}";
    return std::to_string(random_.below(4));
  }

  Random& random_;
};

// `$.o` is an object or none, `$.o.list` and `$.list.list` arrays below one.
JsonMap test_map(const std::string& table, std::vector<catalog::JsonMapping>& mappings) {
  for (const auto& [path, id] : std::vector<std::pair<std::string, std::string>>{
           {"$", "t"}, {"$.o", "o"}, {"$.list", "list"}, {"$.list.o", "lo"}, {"$.o.list", "ol"}}) {
    mappings.push_back({"public", table, "doc", path, id});
  }
  return ingest::json_map(mappings).value();
}

class ChildrenProperty : public ChildrenTest {
 protected:
  // As the model shows its versions.
  std::vector<std::string> stored(const std::string& table) {
    std::vector<std::string> out;
    catalog::Connection connection = database_->connect();
    for (const char* id : {"t", "list", "ol"}) {
      const std::string name = fmt::format("public.{}__{}__", table, id);
      if (connection.exec("SELECT to_regclass($1)", {name}).is_null(0, 0)) continue;
      const catalog::Result rows = connection.exec(
          "SELECT (to_jsonb(t) - '{__id,__start,__end,__current,__origin}'::text[])::text, "
          "(extract(epoch FROM __start) * 1000000)::bigint, CASE WHEN __current THEN "
          "9223372036854775807 ELSE (extract(epoch FROM __end) * 1000000)::bigint END FROM " +
          name + " t");
      for (int row = 0; row < rows.rows(); ++row) {
        out.push_back(ChildrenModel::shown(row_text(id, rows.text(row, 0)), rows.int64(row, 1),
                                           rows.int64(row, 2)));
      }
    }
    std::ranges::sort(out);
    return out;
  }

  void check(unsigned seed, int cut_one_in) {
    SCOPED_TRACE(fmt::format("seed {}, a cut in {}", seed, cut_one_in));
    table_ = fmt::format("p{}_{}", seed, cut_one_in);
    have_table(catalog::PgType::json);
    std::vector<catalog::JsonMapping> mappings;
    HistoryModel roots;
    ChildrenModel children(test_map(table_, mappings));
    catalog::Connection connection = database_->connect();
    for (const catalog::JsonMapping& mapping : mappings) insert_json_mapping(connection, mapping);
    catalog_->reload(connection);
    Random random(seed);
    Random cuts(seed + 1000);
    auto batch = std::make_unique<ingest::Batch>();
    for (int i = 0; i < 50; ++i) {
      for (const ingest::Change& one : step(random, roots, children))
        batch->add(one, message_at(offset_++, topic()));
      if (!cuts.one_in(cut_one_in)) continue;
      applier_->apply(*batch);
      batch = std::make_unique<ingest::Batch>();
    }
    applier_->apply(*batch);
    EXPECT_EQ(dead_letters(), 0);
    EXPECT_EQ(fmt::format("{}", fmt::join(stored(table_), "\n")),
              fmt::format("{}", fmt::join(children.lines(), "\n")));
  }

 private:
  // In the model's spelling.
  static std::string row_text(const std::string& id, std::string_view json) {
    ingest::JsonParser parser;
    std::map<std::string, std::string> keys;
    Values values;
    const JsonNode& row = parser.parse_object(json);
    for (const JsonNode* cell = row.begin(); cell != row.end(); cell = cell->next()) {
      const std::string name(cell->name);
      if (cell->is_null()) continue;
      if (name.starts_with("__")) {
        keys[name] = cell->text;
      } else {
        // The value column of one table, and a field of another.
        values[id != "t" && name == id ? "list" : name == "list_2" ? "list" : name] = cell->text;
      }
    }
    constexpr std::string_view kOrdinal = "__ord__";
    Ordinals ordinals;
    for (const auto& [name, value] : keys) {
      if (name.starts_with(kOrdinal)) ordinals[name.substr(kOrdinal.size())] = value;
    }
    std::string text = key_text(id, ordinals) + fmt::format(" of {}:", keys["__root__id"]);
    for (const auto& [name, value] : values) text += fmt::format(" {}={}", name, value);
    return text;
  }

  std::vector<ingest::Change> step(Random& random, HistoryModel& roots, ChildrenModel& children) {
    const int64_t ts_us = random.time_us();
    const int id = random.below(3);
    const std::string key = std::to_string(id);
    const auto before = roots.versions();
    const auto count = [&](const std::string& of) {
      const auto found = before.find(of);
      return found == before.end() ? size_t{0} : found->second.size();
    };
    const auto is_live = [&](const std::string& of) {
      return count(of) > 0 && before.at(of).back().end_us == INT64_MAX;
    };
    const int dice = random.below(20);
    if (dice == 0) {
      roots.truncate(ts_us);
      for (const auto& [of, versions] : roots.versions()) children.follow(of, versions, count(of));
      return {maker_.make(Op::truncate, ts_us, {})};
    }
    if (dice < 3) {
      roots.remove(key, ts_us);
      children.follow(key, versions_of(roots, key), count(key));
      return {maker_.make(Op::remove, ts_us, {Cell::int4(id), Cell::null(), Cell::null()})};
    }
    if (dice == 3 && is_live("4")) return move(random, roots, children, ts_us);
    const bool is_unavailable = dice < 7 && is_live(key);
    const bool is_null = random.one_in(10);
    const std::string document = RandomDocument(random).document();
    Cell cell = Cell::text(document);
    if (is_null) cell = Cell::null();
    if (is_unavailable) cell = Cell::unavailable();
    const int target = random.one_in(4) && !is_unavailable ? 4 : id;
    const std::string target_key = std::to_string(target);
    const ModelCell model_cell{!is_unavailable, is_null ? Value() : Value(document)};
    const std::string v = std::to_string(random.below(2));
    roots.upsert(target_key, ts_us, {model_cell, {true, v}});
    children.follow(target_key, versions_of(roots, target_key), count(target_key));
    return {maker_.make(Op::update, ts_us, {Cell::int4(target), cell, Cell::text(v)})};
  }

  // Row 4 becomes row 5, and row 5 is gone before: its document is not sent again.
  std::vector<ingest::Change> move(Random& random, HistoryModel& roots, ChildrenModel& children,
                                   int64_t ts_us) {
    const auto before = roots.versions();
    const auto count = [&](const std::string& of) {
      const auto found = before.find(of);
      return found == before.end() ? size_t{0} : found->second.size();
    };
    const std::string v = std::to_string(random.below(2));
    roots.remove("5", ts_us);
    children.follow("5", versions_of(roots, "5"), count("5"));
    roots.remove("4", ts_us);
    children.follow("4", versions_of(roots, "4"), count("4"));
    roots.upsert("5", ts_us, {{false, std::nullopt}, {true, v}}, "4");
    children.follow("5", versions_of(roots, "5"), count("5"));
    ingest::Change insert =
        maker_.make(Op::create, ts_us, {Cell::int4(5), Cell::unavailable(), Cell::text(v)});
    ingest::append_text(insert.fill_key.emplace(), Cell::int4(4).bytes);
    const auto gone = [&](int id) {
      return maker_.make(Op::remove, ts_us, {Cell::int4(id), Cell::null(), Cell::null()});
    };
    return {gone(5), gone(4), insert};
  }
  static std::vector<Version> versions_of(const HistoryModel& roots, const std::string& key) {
    const auto all = roots.versions();
    const auto found = all.find(key);
    return found == all.end() ? std::vector<Version>() : found->second;
  }
};

TEST_F(ChildrenProperty, AreThoseOfTheModelHoweverTheBatchesAreCut) {
  for (unsigned seed = 1; seed <= 6; ++seed) check(seed, 1 + static_cast<int>(seed * 7 % 12));
}

}  // namespace
}  // namespace metadb::tests
