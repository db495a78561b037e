#include "catalog/sources.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "catalog/duration.h"
#include "catalog/url.h"

namespace metadb::catalog {
namespace {

constexpr std::string_view kKafkaPrefix = "kafka.";

std::optional<std::string> no_problem(std::string_view /*value*/) {
  return std::nullopt;
}

std::optional<std::string> is_empty(std::string_view value) {
  if (!value.empty()) return std::nullopt;
  return "the value is empty";
}

std::optional<std::string> not_a_security(std::string_view value) {
  for (const std::string_view known : {"ssl", "plaintext", "sasl_plaintext", "sasl_ssl"}) {
    if (value == known) return std::nullopt;
  }
  return "expected ssl, plaintext, sasl_plaintext or sasl_ssl";
}

std::optional<std::string> not_a_name(std::string_view value) {
  if (value.size() <= 63 && value.find('\0') == std::string_view::npos) return std::nullopt;
  return "a name has at most 63 bytes";
}

std::optional<std::string> not_a_url(std::string_view value) {
  if (value.empty() || parse_url(value)) return std::nullopt;
  return "expected http(s)://[user:password@]host[:port][/path]";
}

std::optional<std::string> not_a_format(std::string_view value) {
  if (value == "auto" || value == "json" || value == "avro") return std::nullopt;
  return "expected auto, json or avro";
}

std::optional<std::string> not_a_shape(std::string_view value) {
  if (value == "envelope" || value == "flattened") return std::nullopt;
  return "expected envelope or flattened";
}

// As a connector's configuration has it; the server's default is the connector's.
std::optional<std::string> not_a_placeholder(std::string_view value) {
  constexpr std::string_view kHex = "hex:";
  if (value.empty()) return is_empty(value);
  if (!value.starts_with(kHex)) return std::nullopt;
  value.remove_prefix(kHex.size());
  const bool is_hex = !value.empty() && value.size() % 2 == 0 &&
                      value.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
  if (is_hex) return std::nullopt;
  return "behind hex: two hexadecimal digits for each byte are expected";
}

std::optional<std::string> not_a_binary_mode(std::string_view value) {
  for (const std::string_view known : {"bytes", "base64", "base64-url-safe", "hex"}) {
    if (value == known) return std::nullopt;
  }
  return "expected bytes, base64, base64-url-safe or hex";
}

std::optional<std::string> not_a_limit(std::string_view value) {
  constexpr size_t kDigitsMax = 9;
  const bool is_number = !value.empty() && value.size() <= kDigitsMax &&
                         value.find_first_not_of("0123456789") == std::string_view::npos;
  if (is_number) return std::nullopt;
  return "expected a number; 0 is without limit";
}

std::optional<std::string> not_a_registry(std::string_view value) {
  if (value == "confluent" || value == "apicurio") return std::nullopt;
  return "expected confluent or apicurio";
}

std::optional<std::string> not_an_id(std::string_view value) {
  if (value.empty() || value == "global" || value == "content") return std::nullopt;
  return "expected global or content";
}

std::optional<std::string> not_a_way_to_end(std::string_view value) {
  if (value == "manual" || value == "auto") return std::nullopt;
  return "expected manual or auto";
}

std::optional<std::string> not_a_duration(std::string_view value) {
  if (parse_duration(value)) return std::nullopt;
  return "expected a number with the unit s, min, h or d, such as 3h";
}

// More would find nothing to do: one thread decodes for all of them.
std::optional<std::string> not_a_number_of_writers(std::string_view value) {
  constexpr int kWritersMax = 16;
  int number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  const bool is_number = error == std::errc() && end == value.data() + value.size();
  if (is_number && number >= 1 && number <= kWritersMax) return std::nullopt;
  return fmt::format("expected a number from 1 to {}", kWritersMax);
}

constexpr std::array kRows = {
    SourceOptionRow{"brokers", "", true, true, "", &is_empty,
                    "Kafka bootstrap servers, host:port, comma-separated."},
    SourceOptionRow{"security", "", false, true, "ssl", &not_a_security,
                    "Security protocol: ssl, plaintext, sasl_plaintext or sasl_ssl."},
    SourceOptionRow{
        "topics", "", true, true, "", &is_empty,
        "Topics, comma-separated; an element that begins with ^ is a regular expression."},
    SourceOptionRow{"consumer_group", "consumergroup", true, true, "", &is_empty,
                    "Name of the Kafka consumer group."},
    SourceOptionRow{"schema_pass_filter", "schemapassfilter", false, true, "", &no_problem,
                    "Regular expressions; only schemas of the source that match one are read."},
    SourceOptionRow{"schema_stop_filter", "schemastopfilter", false, true, "", &no_problem,
                    "Regular expressions; schemas of the source that match one are not read."},
    SourceOptionRow{
        "table_stop_filter", "tablestopfilter", false, true, "", &no_problem,
        "Regular expressions; tables (schema.table) of the source that match one are not read."},
    SourceOptionRow{"trim_schema_prefix", "trimschemaprefix", false, true, "", &no_problem,
                    "Prefix to remove from schema names."},
    SourceOptionRow{"add_schema_prefix", "addschemaprefix", false, true, "", &not_a_name,
                    "Prefix to add to schema names."},
    SourceOptionRow{"map_public_schema", "mappublicschema", false, true, "", &not_a_name,
                    "Schema to use in place of public."},
    SourceOptionRow{"module", "", false, true, "", &no_problem,
                    "Name of a module that rewrites names; none switches off the mod_ rules."},
    SourceOptionRow{"format", "", false, false, "auto", &not_a_format,
                    "How keys and values are encoded: auto, json or avro."},
    SourceOptionRow{"events", "", false, false, "envelope", &not_a_shape,
                    "What a row stands in: envelope, or flattened (ExtractNewRecordState)."},
    SourceOptionRow{"table_from_topic", "", false, false, "", &no_problem,
                    "Of flattened events: a regular expression with groups schema and table."},
    SourceOptionRow{"unavailable_placeholder", "", false, false, "__debezium_unavailable_value",
                    &not_a_placeholder,
                    "The connector's unavailable.value.placeholder, if it has another."},
    SourceOptionRow{"binary_handling_mode", "", false, false, "bytes", &not_a_binary_mode,
                    "The connector's binary.handling.mode: bytes, base64, base64-url-safe or hex."},
    SourceOptionRow{"schema_registry", "", false, false, "", &not_a_url,
                    "URL of the schema registry for Avro, http or https."},
    SourceOptionRow{"schema_registry_type", "", false, false, "confluent", &not_a_registry,
                    "Whose interface the schema registry has: confluent or apicurio."},
    SourceOptionRow{"schema_registry_id", "", false, false, "", &not_an_id,
                    "Which ids of an Apicurio registry the records hold: global or content."},
    SourceOptionRow{"schema_registry_user", "", false, false, "", &no_problem,
                    "User that the schema registry asks for."},
    SourceOptionRow{"schema_registry_password", "", false, false, "", &no_problem,
                    "Password of that user."},
    SourceOptionRow{"schema_registry_ca", "", false, false, "", &no_problem,
                    "PEM file with the CA of an https registry."},
    SourceOptionRow{"endsync", "", false, false, "manual", &not_a_way_to_end,
                    "Who ends a synchronization whose snapshot is complete: manual or auto."},
    SourceOptionRow{"snapshot_deadline", "", false, false, "3h", &not_a_duration,
                    "A snapshot of which nothing came for so long is taken to be complete."},
    SourceOptionRow{"dead_letter_limit", "", false, false, "1000", &not_a_limit,
                    "Records of a topic set aside in an hour, beyond which it is stopped."},
    SourceOptionRow{"writers", "", false, false, "2", &not_a_number_of_writers,
                    "How many sessions of the database write its tables at once, 1 to 16."},
};

const SourceOptionRow* row_named(std::string_view name) {
  const auto found = std::ranges::find(kRows, name, &SourceOptionRow::name);
  return found == kRows.end() ? nullptr : &*found;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// What the consumer's correctness rests on is not for options to change, nor what code runs here.
constexpr std::array<std::string_view, 9> kRefusedProperties = {
    "bootstrap.servers",   "group.id",
    "group.instance.id",   "auto.offset.reset",
    "enable.auto.commit",  "enable.partition.eof",
    "isolation.level",     "partition.assignment.strategy",
    "plugin.library.paths"};

std::string canonical_property(const std::string& name) {
  const std::string_view property = std::string_view(name).substr(kKafkaPrefix.size());
  if (property.empty()) throw Error("42601", "option \"kafka.\" names no property");
  if (std::ranges::find(kRefusedProperties, property) != kRefusedProperties.end()) {
    throw Error("42601", fmt::format("option \"{}\" is set by the server", name))
        .with_hint("Use the options brokers and consumer_group; the others cannot be changed.");
  }
  return name;
}

std::vector<std::string> reference_columns() {
  std::vector<std::string> out;
  for (const SourceOptionRow& row : kRows) {
    if (row.is_reference_column) out.emplace_back(row.name);
  }
  return out;
}

std::vector<Param> reference_params(const DataSource& source) {
  std::vector<Param> params = {source.name, source.is_enabled ? "t" : "f",
                               std::to_string(static_cast<int>(source.sync))};
  for (const std::string& name : reference_columns()) params.emplace_back(source.option(name));
  return params;
}

void store_other_options(Connection& connection, const DataSource& source) {
  connection.exec("DELETE FROM metadb.source_option WHERE source_name = $1", {source.name});
  for (const auto& [name, value] : source.options) {
    const SourceOptionRow* row = row_named(name);
    if (row != nullptr && row->is_reference_column) continue;
    connection.exec(
        "INSERT INTO metadb.source_option (source_name, option, value) VALUES ($1, $2, $3)",
        {source.name, name, value});
  }
}

// A pause leaves no option behind: the sources that are paused are few.
constexpr std::string_view kPausedColumn =
    "(SELECT (extract(epoch FROM p.paused) * 1000000)::bigint FROM metadb.source_pause p"
    " WHERE p.source_name = name)";

// Of a source that is made: without positions from before, its snapshot is another one.
int64_t generation_of(Connection& connection, const std::string& name) {
  if (!has_positions(connection, name)) {
    for (const char* table : {"snapshot_server", "snapshot_table"})
      connection.exec(fmt::format("DELETE FROM metadb.{} WHERE source_name = $1", table), {name});
    connection.exec(
        "UPDATE metadb.synchronization SET generation = generation + 1, began = now(), signal = "
        "NULL, complete = NULL WHERE source_name = $1",
        {name});
  }
  connection.exec(
      "INSERT INTO metadb.synchronization (source_name) VALUES ($1) ON CONFLICT DO NOTHING",
      {name});
  return connection
      .exec("SELECT generation FROM metadb.synchronization WHERE source_name = $1", {name})
      .int64(0, 0);
}

}  // namespace

Error no_such_source(const std::string& name) {
  return {"42704", fmt::format("data source \"{}\" does not exist", name)};
}

std::span<const SourceOptionRow> source_option_rows() {
  return kRows;
}

std::string DataSource::option(std::string_view option_name) const {
  const auto found = options.find(option_name);
  if (found != options.end()) return found->second;
  const SourceOptionRow* row = row_named(option_name);
  return row == nullptr ? "" : std::string(row->default_value);
}

bool DataSource::has_option(std::string_view option_name) const {
  const SourceOptionRow* row = row_named(option_name);
  return row == nullptr ? options.contains(option_name) : option(option_name) != row->default_value;
}

std::vector<std::pair<std::string, std::string>> DataSource::kafka_properties() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name_, value] : options) {
    if (name_.starts_with(kKafkaPrefix)) out.emplace_back(name_.substr(kKafkaPrefix.size()), value);
  }
  return out;
}

std::string canonical_option(std::string_view typed) {
  const std::string name = lower(typed);
  if (name.starts_with(kKafkaPrefix)) return canonical_property(name);
  for (const SourceOptionRow& row : kRows) {
    if (row.name == name || (!row.alias.empty() && row.alias == name)) return std::string(row.name);
  }
  std::vector<std::string_view> names;
  for (const SourceOptionRow& row : kRows) names.push_back(row.name);
  throw Error("42601", fmt::format("unrecognized option \"{}\"", typed))
      .with_hint(fmt::format("Valid options are: {}, and kafka.PROPERTY.", fmt::join(names, ", ")));
}

void check_option(std::string_view name, std::string_view value) {
  const SourceOptionRow* row = row_named(name);
  if (row == nullptr) return;
  if (const auto problem = row->problem(value)) {
    throw Error("22023", fmt::format("invalid value for option \"{}\": \"{}\"", name,
                                     shown_value(name, value)))
        .with_detail(*problem);
  }
}

bool is_secret_option(std::string_view name) {
  const std::string folded = lower(name);
  for (const std::string_view word : {"password", "secret", "key", "token"}) {
    if (folded.find(word) != std::string::npos) return true;
  }
  return false;
}

std::string shown_value(std::string_view name, std::string_view value) {
  if (is_secret_option(name)) return "********";
  return name == "schema_registry" ? masked_url(value) : std::string(value);
}

std::vector<DataSource> load_sources(Connection& connection) {
  const std::vector<std::string> columns = reference_columns();
  const Result rows = connection.exec(
      fmt::format("SELECT name, enable, sync, generation, {}, {} FROM metadb.source JOIN "
                  "metadb.synchronization ON source_name = name ORDER BY name",
                  kPausedColumn, fmt::join(columns, ", ")));
  std::vector<DataSource> out(static_cast<size_t>(rows.rows()));
  std::map<std::string, DataSource*> by_name;
  for (int row = 0; row < rows.rows(); ++row) {
    DataSource& source = out[static_cast<size_t>(row)];
    source.name = rows.text(row, 0);
    source.is_enabled = rows.boolean(row, 1);
    source.sync = static_cast<SyncMode>(rows.int64(row, 2));
    source.generation = rows.int64(row, 3);
    if (!rows.is_null(row, 4)) source.paused_us = rows.int64(row, 4);
    for (size_t i = 0; i < columns.size(); ++i) {
      source.options[columns[i]] = rows.text(row, 5 + static_cast<int>(i));
    }
    by_name[source.name] = &source;
  }
  const Result others =
      connection.exec("SELECT source_name, option, value FROM metadb.source_option");
  for (int row = 0; row < others.rows(); ++row) {
    by_name.at(std::string(others.text(row, 0)))->options[std::string(others.text(row, 1))] =
        others.text(row, 2);
  }
  return out;
}

Begun insert_source(Connection& connection, const DataSource& given) {
  DataSource source = given;
  const Result before = connection.exec(
      "DELETE FROM metadb.dropped_source WHERE source_name = $1 RETURNING sync", {source.name});
  if (before.rows() > 0 && has_positions(connection, source.name)) {
    source.sync = static_cast<SyncMode>(before.int64(0, 0));
  }
  const std::vector<std::string> columns = reference_columns();
  std::string places = "$1, $2, $3";
  for (size_t i = 0; i < columns.size(); ++i) places += fmt::format(", ${}", i + 4);
  const Result inserted =
      connection.exec(fmt::format("INSERT INTO metadb.source (name, enable, sync, {}) VALUES ({}) "
                                  "ON CONFLICT (name) DO NOTHING",
                                  fmt::join(columns, ", "), places),
                      reference_params(source));
  if (inserted.affected() == 0) {
    throw Error("42710", fmt::format("data source \"{}\" already exists", source.name));
  }
  store_other_options(connection, source);
  return {source.sync, generation_of(connection, source.name)};
}

void update_source(Connection& connection, const DataSource& source) {
  std::string sets = "enable = $2, sync = $3";
  int number = 4;
  for (const std::string& column : reference_columns())
    sets += fmt::format(", {} = ${}", column, number++);
  const Result updated = connection.exec("UPDATE metadb.source SET " + sets + " WHERE name = $1",
                                         reference_params(source));
  if (updated.affected() == 0) throw no_such_source(source.name);
  store_other_options(connection, source);
}

void pause_source(Connection& connection, DataSource& source) {
  source.is_enabled = false;
  update_source(connection, source);
  const Result paused = connection.exec(
      "INSERT INTO metadb.source_pause (source_name) VALUES ($1) ON CONFLICT (source_name) DO"
      " UPDATE SET paused = now() RETURNING (extract(epoch FROM paused) * 1000000)::bigint",
      {source.name});
  source.paused_us = paused.int64(0, 0);
}

void resume_source(Connection& connection, DataSource& source) {
  source.is_enabled = true;
  source.paused_us.reset();
  update_source(connection, source);
  connection.exec("DELETE FROM metadb.source_pause WHERE source_name = $1", {source.name});
}

void delete_source(Connection& connection, const std::string& name) {
  connection.exec(
      "INSERT INTO metadb.dropped_source (source_name, sync) SELECT name, sync FROM metadb.source"
      " WHERE name = $1 ON CONFLICT (source_name) DO UPDATE SET sync = EXCLUDED.sync",
      {name});
  if (connection.exec("DELETE FROM metadb.source WHERE name = $1", {name}).affected() == 0) {
    throw no_such_source(name);
  }
}

bool has_positions(Connection& connection, const std::string& name) {
  return connection
             .exec("SELECT 1 FROM metadb.ingest_position WHERE source_name = $1 LIMIT 1", {name})
             .rows() > 0;
}

}  // namespace metadb::catalog
