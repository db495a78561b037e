#include "ingest/merge_sql.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "catalog/bit_types.h"
#include "catalog/carried_types.h"
#include "catalog/sql_time.h"

namespace metadb::ingest {
namespace {

using catalog::Column;
using catalog::columns_sql;
using catalog::quote_identifier;
using catalog::quote_literal;
using catalog::time_literal;

// The column's own type even where another of ours takes its values: record_image_eq compares
// no varchar with text.
std::string type_sql(const Column& column) {
  return column.type_name;
}

// A bit(n) that events chose has varbits of n bits only.
bool is_cast_needed(const Column& column, catalog::PgType event_type) {
  const bool has_bits = column.choice == catalog::TypeChoice::events &&
                        event_type == catalog::PgType::varbit &&
                        catalog::bit_length(column.type_name);
  return column.type != event_type && !has_bits;
}

// A uuid in place of text takes canonical ones only: of the others the text would be lost. What is
// none fails as PostgreSQL words it.
std::string inferred_uuid(const std::string& text) {
  return fmt::format("CASE WHEN {0} ~ {1} THEN {0}::uuid ELSE ('not canonical: ' || {0})::uuid END",
                     text, quote_literal(catalog::kCanonicalUuid));
}

// Whether PostgreSQL casts values to the narrower type that it does not hold: 1.5 to the integer 2.
// How a text is read is the choice of who made it another type.
bool may_lose(catalog::PgType from, catalog::PgType to) {
  return from != catalog::PgType::text && catalog::row_of(from).has_btree &&
         catalog::widened(to, from) != to;
}

bool is_integer_type(catalog::PgType type) {
  return type >= catalog::PgType::int2 && type <= catalog::PgType::int8;
}

// Fails, as a value that does not cast, where the way back leads elsewhere. To make an integer of
// NaN or an infinity is not implemented in PostgreSQL (0A000), so it is not asked to: these are
// less or greater than all integers.
std::string exact_cast(catalog::PgType from, catalog::PgType to, const std::string& value) {
  const std::string there = catalog::cast_sql(from, to, value);
  std::string is_same =
      fmt::format("{} IS NOT DISTINCT FROM {}", catalog::cast_sql(to, from, there), value);
  if (from == catalog::PgType::numeric && is_integer_type(to)) {
    is_same =
        fmt::format("CASE WHEN {} BETWEEN -9223372036854775808 AND 9223372036854775807 THEN {} END",
                    value, is_same);
  }
  return fmt::format(
      "CASE WHEN {} THEN {} WHEN ('not exact: ' || {}::text)::uuid IS NULL THEN NULL END", is_same,
      there, value);
}

// Every value has a text. A type that was given past us is not ours to give up.
bool takes_all_values(const Column& column) {
  if (column.choice != catalog::TypeChoice::events) return false;
  if (column.type) return column.type == catalog::PgType::text;
  return !catalog::carried_type_named(column.type_name);
}

std::string cast(const Column& column, catalog::PgType event_type, const std::string& expression) {
  if (!is_cast_needed(column, event_type)) return expression;
  if (const auto sql = catalog::carried_cast_sql(event_type, column.type_name, expression))
    return *sql;
  if (catalog::bit_length(column.type_name))
    return catalog::exact_bits_sql(expression, column.type_name);
  if (!column.type) return fmt::format("({})::text::{}", expression, column.type_name);
  if (column.choice == catalog::TypeChoice::inferred && event_type == catalog::PgType::text)
    return inferred_uuid(expression);
  if (column.choice == catalog::TypeChoice::by_hand && may_lose(event_type, *column.type))
    return exact_cast(event_type, *column.type, expression);
  return catalog::cast_sql(event_type, *column.type, expression);
}

// Whether values of the type are equal if and only if their binary forms are.
bool is_equal_by_bytes(catalog::PgType type) {
  using catalog::PgType;
  constexpr std::array kTypes = {
      PgType::boolean, PgType::int2, PgType::int4,      PgType::int8,        PgType::text,
      PgType::bytea,   PgType::date, PgType::timestamp, PgType::timestamptz, PgType::uuid};
  return std::ranges::find(kTypes, type) != kTypes.end();
}

// ROW(...) of no columns is legal, and equal to itself.
std::string row(const std::vector<std::string>& items) {
  return fmt::format("ROW({})", fmt::join(items, ", "));
}

}  // namespace

std::vector<std::string> WorkTables::create() {
  return {
      "CREATE TEMP TABLE work (n bigint, id bigint, d boolean, e timestamptz, nxt timestamptz, "
      "cur_id bigint, cur_place tid)",
      "CREATE TEMP TABLE ended (n bigint, at timestamptz)"};
}

std::string WorkTables::truncate() {
  return "TRUNCATE pg_temp.work, pg_temp.ended";
}

std::string WorkTables::remove() {
  return "DELETE FROM pg_temp.work; DELETE FROM pg_temp.ended";
}

MergeSql::MergeSql(const catalog::Table& table, const RowSchema& schema, Shape shape)
    : table_(table), shape_(std::move(shape)) {
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    const Column* column = table.column_of_source(schema.columns[i].name);
    if (column == nullptr) {
      throw catalog::Error("42703", fmt::format("column \"{}\" is missing in {}",
                                                schema.columns[i].name, table.main()));
    }
    columns_.push_back({fmt::format("c{}", i), *column, schema.columns[i].type, false});
  }
  for (const uint16_t index : schema.key) columns_[index].is_key = true;
}

bool MergeSql::tells_keys_apart() const {
  return std::ranges::all_of(key(), [](const StageColumn* c) {
    return !is_cast_needed(c->column, c->event_type) && is_equal_by_bytes(c->event_type);
  });
}

bool MergeSql::is_converted() const {
  return std::ranges::any_of(
      columns_, [](const StageColumn& c) { return is_cast_needed(c.column, c.event_type); });
}

std::vector<const MergeSql::StageColumn*> MergeSql::key() const {
  std::vector<const StageColumn*> out;
  for (const std::string& name : table_.key_columns) {
    const auto found =
        std::ranges::find(columns_, name, [](const StageColumn& c) { return c.column.name; });
    if (found == columns_.end())
      throw catalog::Error("42703", fmt::format("events lack key column \"{}\"", name));
    out.push_back(&*found);
  }
  return out;
}

std::vector<std::string> MergeSql::create_stage() const {
  std::string typed;
  std::string raw_columns;
  for (const StageColumn& column : columns_) {
    typed += fmt::format(", {} {}", column.stage, type_sql(column.column));
    raw_columns += fmt::format(", {} {}", column.stage, catalog::row_of(column.event_type).sql);
  }
  constexpr std::string_view kHead = "n bigint, d boolean, ts timestamptz, r boolean, u smallint[]";
  std::vector<std::string> out = {
      fmt::format("CREATE TEMP TABLE {} ({}{})", shape_.stage, kHead, typed)};
  if (is_converted())
    out.push_back(fmt::format("CREATE TEMP TABLE {}_raw ({}{})", shape_.stage, kHead, raw_columns));
  return out;
}

std::string MergeSql::drop_stage() const {
  return fmt::format("DROP TABLE IF EXISTS {}, {}", stage(), raw());
}

std::string MergeSql::truncate_stage() const {
  return is_converted() ? fmt::format("TRUNCATE {}, {}", stage(), raw())
                        : fmt::format("TRUNCATE {}", stage());
}

std::string MergeSql::remove_staged() const {
  return fmt::format("DELETE FROM {}", stage()) +
         (is_converted() ? fmt::format("; DELETE FROM {}", raw()) : "");
}

std::string MergeSql::copy_stage() const {
  return fmt::format("COPY {} FROM STDIN (FORMAT binary)", is_converted() ? raw() : stage());
}

std::string MergeSql::convert() const {
  if (!is_converted()) return "";
  std::string values;
  for (const StageColumn& column : columns_) {
    values += ", " + cast(column.column, column.event_type, column.stage);
  }
  return fmt::format("INSERT INTO {} SELECT n, d, ts, r, u{} FROM {}", stage(), values, raw());
}

std::vector<MergeSql::Probe> MergeSql::probes() const {
  std::vector<Probe> out;
  for (const StageColumn& column : columns_) {
    if (!is_cast_needed(column.column, column.event_type)) continue;
    if (takes_all_values(column.column)) continue;
    out.push_back({column.column.name, column.event_type,
                   fmt::format("SELECT count({}) FROM {}",
                               cast(column.column, column.event_type, column.stage), raw())});
  }
  return out;
}

// Identity is the expression of the unique index; where that is an md5, the value itself as well.
std::string MergeSql::join_condition(const std::string& stage_alias,
                                     const std::string& row_alias) const {
  std::string out = fmt::format("{}.__origin = {}", row_alias, quote_literal(shape_.origin));
  for (const StageColumn* column : key()) {
    const Column staged{column->stage, column->column.type_name, column->column.type};
    const std::string ours = catalog::key_expression(column->column, row_alias + ".");
    const std::string theirs = catalog::key_expression(staged, stage_alias + ".");
    out += fmt::format(" AND {} = {}", ours, theirs);
    const bool is_hashed = ours != row_alias + "." + quote_identifier(column->column.name);
    if (is_hashed && column->column.type && catalog::row_of(*column->column.type).has_btree) {
      out += fmt::format(" AND {}.{} = {}.{}", row_alias, quote_identifier(column->column.name),
                         stage_alias, quote_identifier(column->stage));
    }
  }
  return out;
}

// Joins a staged change to `found` of its current row. The limit, which the unique index makes
// meaningless, keeps the planner from reading the whole table for it.
std::string MergeSql::with_current(const std::string& found) const {
  return fmt::format("LEFT JOIN LATERAL (SELECT {} FROM {} c WHERE {} LIMIT 1) c ON true", found,
                     table_.current(), join_condition("s", "c"));
}

std::string MergeSql::partition_by(const std::string& stage_alias) const {
  std::vector<std::string> out;
  for (const StageColumn* column : key()) {
    // As the unique index tells keys apart, whatever the cut of the batch.
    const std::optional<catalog::PgType> type = column->column.type;
    const bool is_own_identity = type && catalog::is_equal_by_index(*type);
    const Column staged{column->stage, column->column.type_name, type};
    out.push_back(is_own_identity ? stage_alias + "." + column->stage
                                  : catalog::key_expression(staged, stage_alias + "."));
  }
  return fmt::format("{}", fmt::join(out, ", "));
}

// All columns of the table but its key, in table order; what the events lack is NULL in them.
std::string MergeSql::image(const std::string& alias, bool of_stage) const {
  std::vector<std::string> out;
  for (const Column& column : table_.columns) {
    if (std::ranges::find(table_.key_columns, column.name) != table_.key_columns.end()) continue;
    if (!of_stage) {
      out.push_back(alias + "." + quote_identifier(column.name));
      continue;
    }
    const auto found =
        std::ranges::find(columns_, column.name,
                          [](const StageColumn& c) -> const std::string& { return c.column.name; });
    out.push_back(found != columns_.end() ? alias + "." + found->stage
                                          : "NULL::" + type_sql(column));
  }
  return row(out);
}

// The columns that the events have.
std::string MergeSql::event_image(const std::string& alias, bool of_stage) const {
  std::vector<std::string> out;
  for (const StageColumn& column : columns_) {
    out.push_back(alias + "." + (of_stage ? column.stage : quote_identifier(column.column.name)));
  }
  return row(out);
}

std::string MergeSql::target_columns() const {
  std::string out = "__id, __start, __end, __current, __origin";
  for (const StageColumn& column : columns_) out += ", " + quote_identifier(column.column.name);
  return out;
}

std::string MergeSql::stage_values(const std::string& alias) const {
  std::string out;
  for (const StageColumn& column : columns_) out += ", " + alias + "." + column.stage;
  return out;
}

// The indexes of those columns whose value was never seen for the row with that id, as an array;
// NULL if there are none. Most tables have no such row, which is asked once, not for each row.
std::string MergeSql::unresolved_of(const std::string& id,
                                    const std::set<uint16_t>& unavailable) const {
  const std::string of_table =
      fmt::format("l.schema_name = {} AND l.table_name = {}", quote_literal(table_.schema),
                  quote_literal(table_.current_name));
  return fmt::format(
      "CASE WHEN EXISTS (SELECT FROM metadb.unresolved l WHERE {0}) THEN (SELECT array_agg(v.i) "
      "FROM metadb.unresolved l JOIN (VALUES {1}) v(i, name) ON v.name = l.column_name WHERE {0} "
      "AND l.row_id = {2}) END",
      of_table, numbered_names(unavailable), id);
}

std::string MergeSql::numbered_names(const std::set<uint16_t>& unavailable) const {
  std::vector<std::string> names;
  for (const uint16_t i : unavailable) {
    names.push_back(fmt::format("({}::smallint, {})", i, quote_literal(columns_[i].column.name)));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

// What the current row has of these columns, and which of them were never seen of it.
std::string MergeSql::current_values(const std::set<uint16_t>& unavailable) const {
  std::string out = "c.__id AS cur_id, " + unresolved_of("c.__id", unavailable) + " AS lost";
  for (const uint16_t i : unavailable)
    out += fmt::format(", c.{} AS cur{}", quote_identifier(columns_[i].column.name), i);
  return out;
}

std::string MergeSql::fill_once(const std::set<uint16_t>& unavailable) const {
  std::string sets;
  std::string left;
  for (const uint16_t i : unavailable) {
    sets += fmt::format("{0} = CASE WHEN {1} = ANY (s.u) THEN f.cur{1} ELSE s.{0} END, ",
                        columns_[i].stage, i);
    left += fmt::format(
        "{0}CASE WHEN (f.cur_id IS NULL OR {1} = ANY (f.lost)) AND {1} = ANY (s.u) THEN "
        "{1}::smallint END",
        left.empty() ? "" : ", ", i);
  }
  return fmt::format(
      "UPDATE {0} s SET {1}u = nullif(array_remove(ARRAY[{2}], NULL), '{{}}') FROM (SELECT s.n, "
      "c.* FROM {0} s {3} WHERE s.u IS NOT NULL AND NOT s.r) f WHERE s.n = f.n",
      stage(), sets, left, with_current(current_values(unavailable)));
}

std::string MergeSql::fill(const std::set<uint16_t>& unavailable, Keys keys) const {
  if (keys == Keys::once) return fill_once(unavailable);
  std::string staged;
  std::string groups;
  std::string found;
  std::string sets;
  std::string left;
  for (const uint16_t i : unavailable) {
    const StageColumn& column = columns_[i];
    staged += fmt::format(", s.{0}, c.cur{1}", column.stage, i);
    // A row that has the value, or a delete, begins a group; group 0 has only the current row,
    // whose own value may never have been seen.
    groups += fmt::format(
        ", count(*) FILTER (WHERE d OR u IS NULL OR NOT {0} = ANY (u)) OVER k AS g{0}", i);
    found += fmt::format(
        ", CASE WHEN g{0} = 0 THEN cur{0} ELSE first_value({1}) OVER (PARTITION BY g, g{0} ORDER "
        "BY n) END AS f{0}, CASE WHEN g{0} = 0 THEN cur_id IS NULL OR {0} = ANY (lost) ELSE "
        "first_value(d) OVER (PARTITION BY g, g{0} ORDER BY n) END AS x{0}",
        i, column.stage);
    sets += fmt::format("{0} = CASE WHEN {1} = ANY (s.u) THEN f.f{1} ELSE s.{0} END, ",
                        column.stage, i);
    left += fmt::format("{0}CASE WHEN f.x{1} AND {1} = ANY (s.u) THEN {1}::smallint END",
                        left.empty() ? "" : ", ", i);
  }
  return fmt::format(
      "UPDATE {0} s SET {1}u = nullif(array_remove(ARRAY[{2}], NULL), '{{}}') FROM ("
      "SELECT n{3} FROM (SELECT *{4} FROM (SELECT s.n, s.d, s.u, c.cur_id, c.lost{5}, "
      "first_value(s.n) OVER (PARTITION BY {6} ORDER BY s.n) AS g FROM {0} s {7}{8}) a "
      "WINDOW k AS (PARTITION BY g ORDER BY n)) b) f WHERE s.n = f.n AND s.u IS NOT NULL",
      stage(), sets, left, found, groups, staged, partition_by("s"),
      with_current(current_values(unavailable)), keys == Keys::repeated ? " WHERE s.r" : "");
}

std::string MergeSql::find_old_row(const std::vector<std::string>& leaves,
                                   std::optional<int64_t> at_us) const {
  const std::string begun = at_us ? " AND h.__start <= " + time_literal(*at_us) : "";
  // A version of the past that a dead letter has made late has a newer __id than later ones.
  const std::string newest =
      fmt::format("{}__end DESC, __start DESC, __id DESC LIMIT 1",
                  at_us ? fmt::format("__end = {} DESC, ", time_literal(*at_us)) : "");
  std::vector<std::string> found;
  for (size_t i = 0; i < leaves.size(); ++i) {
    found.push_back(fmt::format(
        "SELECT {} AS leaf, h.* FROM {} s CROSS JOIN LATERAL (SELECT h.__id, h.__end, h.__start "
        "FROM {} h WHERE {}{} ORDER BY {}) h WHERE s.n = 0",
        i, stage(), leaves[i], join_condition("s", "h"), begun, newest));
  }
  return fmt::format("SELECT leaf, __id FROM ({}) f ORDER BY {}", fmt::join(found, " UNION ALL "),
                     newest);
}

std::string MergeSql::fill_from_old_row(const std::string& leaf, int64_t id,
                                        const std::set<uint16_t>& unavailable) const {
  std::string sets;
  for (const uint16_t i : unavailable) {
    sets +=
        fmt::format("{} = h.{}, ", columns_[i].stage, quote_identifier(columns_[i].column.name));
  }
  return fmt::format("UPDATE {} s SET {}u = {} FROM {} h WHERE s.n <> 0 AND h.__id = {}", stage(),
                     sets, unresolved_of("h.__id", unavailable), leaf, id);
}

std::string MergeSql::drop_old_key() const {
  return fmt::format("DELETE FROM {} WHERE n = 0", stage());
}

std::string MergeSql::look_up_ends(int64_t last_end_us) const {
  std::string ends = "NULL::timestamptz";
  for (const int year : table_.years) {
    ends += fmt::format(", (SELECT max(h.__end) FROM {} h WHERE {})", table_.leaf(year),
                        join_condition("s", "h"));
  }
  // A current row began when the version before it had ended, or later.
  const bool has_overlaps = table_.has_changed_key;
  return fmt::format(
      "INSERT INTO pg_temp.ended SELECT s.n, greatest({}) FROM {} s{} WHERE NOT s.d AND s.ts < "
      "{}{}",
      ends, stage(), has_overlaps ? "" : " " + with_current("c.__id"), time_literal(last_end_us),
      has_overlaps ? "" : " AND c.__id IS NULL");
}

// Ids grow with n, also from key to key: whose row is the newer one is asked when keys change. They
// are drawn outside the ordered subquery.
std::string MergeSql::pair(const std::vector<Keys>& groups) const {
  std::vector<std::string> paired;
  for (const Keys keys : groups)
    paired.push_back(keys == Keys::once ? paired_once() : paired_in_chains(keys));
  return fmt::format(
      "INSERT INTO pg_temp.work SELECT n, CASE WHEN d THEN NULL ELSE nextval({}::regclass) END, d, "
      "e, nxt, cur_id, cur_place FROM ({} ORDER BY n) o",
      quote_literal(table_.id_sequence), fmt::join(paired, " UNION ALL "));
}

std::string MergeSql::paired_in_chains(Keys keys) const {
  // a: each change with the current row of its key. OFFSET 0 keeps the planner from pulling it up,
  // so that staging and current columns never stand in one target list (limit 1,664).
  const std::string paired = fmt::format(
      "SELECT s.n, s.d, s.ts, p.at, c.cur_id, c.cur_start, c.cur_place, {} AS img, c.same_cur, "
      "first_value(s.n) OVER (PARTITION BY {} ORDER BY s.n) AS g FROM {} s {} LEFT JOIN "
      "pg_temp.ended p ON p.n = s.n{} OFFSET 0",
      image("s", true), partition_by("s"), stage(), with_current(compared_current()),
      keys == Keys::repeated ? " WHERE s.r" : "");
  // b: with the change before it. A version lives before a change if that was no delete, or, for
  // the first one, if there is a current row.
  const std::string compared = fmt::format(
      "SELECT n, d, ts, at, g, cur_id, cur_start, cur_place, CASE WHEN lag(n) OVER k IS NULL THEN "
      "cur_id IS NOT NULL ELSE NOT lag(d) OVER k END AS live, CASE WHEN lag(n) OVER k IS NULL THEN "
      "same_cur ELSE record_image_eq(img, lag(img) OVER k) END AS same FROM ({}) a WINDOW k AS "
      "(PARTITION BY g ORDER BY n)",
      paired);
  // c: only changes that make or end a version, with their time clamped to run forwards.
  const std::string timed = fmt::format(
      "SELECT n, d, g, cur_id, cur_place, row_number() OVER k AS rank, "
      "greatest(max(ts) OVER k, cur_start, max(at) OVER k) AS e FROM ({}) b "
      "WHERE CASE WHEN live THEN d OR NOT same ELSE NOT d END WINDOW k AS (PARTITION BY g ORDER BY "
      "n)",
      compared);
  return fmt::format(
      "SELECT n, d, e, lead(e) OVER (PARTITION BY g ORDER BY n) AS nxt, CASE WHEN rank = 1 THEN "
      "cur_id END AS cur_id, CASE WHEN rank = 1 THEN cur_place END AS cur_place FROM ({}) c",
      timed);
}

std::string MergeSql::paired_once() const {
  return fmt::format(
      "SELECT n, d, greatest(ts, cur_start, at) AS e, NULL::timestamptz AS nxt, cur_id, cur_place "
      "FROM (SELECT s.n, s.d, s.ts, p.at, c.* FROM {} s {} LEFT JOIN pg_temp.ended p ON p.n = s.n "
      "WHERE NOT s.r OFFSET 0) a WHERE CASE WHEN cur_id IS NULL THEN NOT d ELSE d OR NOT same_cur "
      "END",
      stage(), with_current(compared_current()));
}

std::string MergeSql::compared_current() const {
  return fmt::format(
      "c.__id AS cur_id, c.__start AS cur_start, c.ctid AS cur_place, record_image_eq({}, {}) AS "
      "same_cur",
      image("s", true), image("c", false));
}

std::string MergeSql::summary() {
  return "SELECT count(cur_id), count(*) FILTER (WHERE NOT d AND nxt IS NOT NULL), "
         "count(*) FILTER (WHERE NOT d AND nxt IS NULL), "
         "(extract(epoch FROM max(e) FILTER (WHERE d)) * 1000000)::bigint FROM pg_temp.work";
}

std::string MergeSql::end_current() const {
  return fmt::format(
      "WITH gone AS (DELETE FROM {0} t WHERE t.ctid = ANY (ARRAY(SELECT w.cur_place FROM "
      "pg_temp.work w WHERE w.cur_id IS NOT NULL)) RETURNING t.*) "
      "INSERT INTO {1} (__id, __start, __end, __current, __origin{2}) SELECT g.__id, g.__start, "
      "w.e, false, g.__origin{3} FROM gone g JOIN pg_temp.work w ON w.cur_id = g.__id",
      table_.current(), table_.history(), columns_sql(table_), columns_sql(table_, "g."));
}

std::string MergeSql::insert_history() const {
  return fmt::format(
      "INSERT INTO {} ({}) SELECT w.id, w.e, w.nxt, false, {}{} FROM pg_temp.work w JOIN {} s ON "
      "s.n = w.n WHERE NOT w.d AND w.nxt IS NOT NULL",
      table_.history(), target_columns(), quote_literal(shape_.origin), stage_values("s"), stage());
}

std::string MergeSql::insert_current() const {
  return fmt::format(
      "INSERT INTO {} ({}) SELECT w.id, w.e, {}, true, {}{} FROM pg_temp.work w JOIN {} s ON s.n = "
      "w.n WHERE NOT w.d AND w.nxt IS NULL",
      table_.current(), target_columns(), catalog::kNoEnd, quote_literal(shape_.origin),
      stage_values("s"), stage());
}

std::string MergeSql::record_unresolved(const std::set<uint16_t>& unavailable) const {
  return fmt::format(
      "INSERT INTO metadb.unresolved (schema_name, table_name, row_id, column_name) "
      "SELECT {}, {}, w.id, v.name FROM pg_temp.work w JOIN {} s ON s.n = w.n "
      "JOIN (VALUES {}) v(i, name) ON v.i = ANY (s.u) WHERE NOT w.d ON CONFLICT DO NOTHING",
      quote_literal(table_.schema), quote_literal(table_.current_name), stage(),
      numbered_names(unavailable));
}

std::string MergeSql::forget_unresolved() const {
  std::set<uint16_t> all;
  for (size_t i = 0; i < columns_.size(); ++i) all.insert(static_cast<uint16_t>(i));
  return fmt::format(
      "DELETE FROM metadb.unresolved l USING {0} s {1}, (VALUES {2}) v(i, name) WHERE "
      "l.schema_name = {3} AND l.table_name = {4} AND l.row_id = c.__id AND l.column_name = v.name "
      "AND NOT s.d AND (s.u IS NULL OR NOT v.i = ANY (s.u)) AND NOT EXISTS (SELECT FROM "
      "pg_temp.work w WHERE w.id = c.__id AND w.n >= s.n)",
      stage(), with_current("c.__id"), numbered_names(all), quote_literal(table_.schema),
      quote_literal(table_.current_name));
}

std::string MergeSql::insert_all() const {
  return fmt::format(
      "INSERT INTO {} ({}) SELECT nextval({}::regclass), s.ts, {}, true, {}{} FROM (SELECT * FROM "
      "{} ORDER BY n) s",
      table_.current(), target_columns(), quote_literal(table_.id_sequence), catalog::kNoEnd,
      quote_literal(shape_.origin), stage_values("s"), stage());
}

std::string MergeSql::copy_into_main() const {
  std::string columns = "__start, __end, __current, __origin";
  for (const StageColumn& column : columns_) columns += ", " + quote_identifier(column.column.name);
  return fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary)", table_.main(), columns);
}

}  // namespace metadb::ingest
