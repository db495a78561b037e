#include "catalog/external_sql.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace metadb::catalog {
namespace {

constexpr std::string_view kSchemeEnd = "://";
constexpr std::string_view kRefStart = "/refs/";
// All of them go through a pipe at once.
constexpr size_t kTextMax = 2000;

// What a parameter of Metadb 1.4 stands for.
struct Fixed {
  std::string_view name;
  std::string_view parameter;
  std::string_view url;
  std::string_view path;
  std::string_view schema;
};

constexpr std::array kFixed = {
    Fixed{"folio", "external_sql_folio", "https://github.com/folio-org/folio-analytics.git",
          "sql_metadb/derived_tables", "folio_derived"},
    Fixed{"reshare", "external_sql_reshare",
          "https://github.com/openlibraryenvironment/reshare-analytics.git", "sql/derived_tables",
          "reshare_derived"},
};

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return (c >= 0 && c < ' ') || c == 127; });
}

// Metadb 1.4 takes a reference alone or, in its later versions, a URL with one behind it.
ExternalSql fixed_of(const Fixed& row, std::string_view value) {
  ExternalSql out{std::string(row.name), std::string(row.url), std::string(value),
                  std::string(row.path), std::string(row.schema)};
  if (value.find(kSchemeEnd) == std::string_view::npos) return out;
  const size_t at = value.rfind(kRefStart);
  out.url = value.substr(0, at);
  out.ref = value.substr(at + 1);
  return out;
}

}  // namespace

std::string without_credentials(std::string_view url) {
  const size_t scheme = url.find(kSchemeEnd);
  if (scheme == std::string_view::npos) return std::string(url);
  const size_t host = scheme + kSchemeEnd.size();
  const std::string_view authority = url.substr(0, std::min(url.find('/', host), url.size()));
  // A slash in a password should have been escaped; it is hidden all the same, where what stands
  // before it is no host with a port.
  const size_t colon = authority.find(':', host);
  const bool is_cut =
      colon != std::string_view::npos &&
      authority.find_first_not_of("0123456789", colon + 1) != std::string_view::npos;
  const size_t at = authority.find('@') == std::string_view::npos && is_cut ? url.rfind('@')
                                                                            : authority.rfind('@');
  if (at == std::string_view::npos || at < host) return std::string(url);
  return fmt::format("{}********{}", url.substr(0, host), url.substr(at));
}

std::optional<std::string> url_problem(std::string_view url) {
  constexpr std::string_view kExpected =
      "Expected is the URL of a Git repository: https://host/path or file:///path.";
  const bool is_https = url.starts_with("https://") && url.size() > 8;
  const bool is_file = url.starts_with("file:///") && url.size() > 8;
  if ((!is_https && !is_file) || url.size() > kTextMax || has_control_character(url) ||
      url.find_first_of(" ?#") != std::string_view::npos) {
    return std::string(kExpected);
  }
  return std::nullopt;
}

std::optional<std::string> time_of_day_problem(std::string_view time) {
  const auto digit = [&](size_t at) { return time[at] >= '0' && time[at] <= '9'; };
  const bool has_form = time.size() == 5 && digit(0) && digit(1) && time[2] == ':' && digit(3) &&
                        digit(4) && time.substr(0, 2) < "24" && time.substr(3) < "60";
  if (has_form) return std::nullopt;
  return "Expected is a time of day in UTC, from 00:00 to 23:59.";
}

std::optional<std::string> ref_problem(std::string_view ref) {
  if (!ref.empty() && ref.size() <= kTextMax && !has_control_character(ref) &&
      ref.find_first_of(" :?*[\\^~") == std::string_view::npos) {
    return std::nullopt;
  }
  return "Expected is a tag, a branch, a full reference such as refs/tags/v1.8.0, or a commit.";
}

std::optional<std::string> path_problem(std::string_view path) {
  bool leads_elsewhere = path.size() > kTextMax || has_control_character(path);
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    leads_elsewhere = leads_elsewhere || path.substr(begin, end - begin) == "..";
    begin = end + 1;
  }
  if (!leads_elsewhere) return std::nullopt;
  return "Expected is the path of a folder in the repository.";
}

std::optional<std::string> reference_problem(std::string_view value) {
  constexpr std::string_view kExpected =
      "Expected is a Git reference such as refs/tags/v1.8.0, or the URL of a repository followed "
      "by one.";
  if (value.empty()) return std::nullopt;
  const bool has_url = value.find(kSchemeEnd) != std::string_view::npos;
  const size_t at = has_url ? value.rfind(kRefStart) : 0;
  if (at == std::string_view::npos || (has_url && url_problem(value.substr(0, at))) ||
      ref_problem(has_url ? value.substr(at + 1) : value)) {
    return std::string(kExpected);
  }
  return std::nullopt;
}

bool is_fixed_external_sql(std::string_view name) {
  return std::ranges::find(kFixed, name, &Fixed::name) != kFixed.end();
}

std::vector<ExternalSql> fixed_external_sql(const Settings& settings) {
  std::vector<ExternalSql> out;
  for (const Fixed& row : kFixed) {
    const auto found = settings.find(row.parameter);
    if (found != settings.end() && !found->second.empty())
      out.push_back(fixed_of(row, found->second));
  }
  return out;
}

std::vector<ExternalSql> load_external_sql(Connection& connection, const Settings& settings) {
  std::vector<ExternalSql> out = fixed_external_sql(settings);
  const Result rows = connection.exec(
      "SELECT name, url, ref, path, schema_name, schedule FROM metadb.external_sql ORDER BY name");
  for (int row = 0; row < rows.rows(); ++row) {
    const auto text = [&](int column) { return std::string(rows.text(row, column)); };
    out.push_back({text(0), text(1), text(2), text(3), text(4), rows.optional_text(row, 5)});
  }
  return out;
}

void insert_external_sql(Connection& connection, const ExternalSql& created) {
  const Result inserted = connection.exec(
      "INSERT INTO metadb.external_sql (name, url, ref, path, schema_name, schedule, next_run)"
      " SELECT $1, $2, $3, $4, $5, $6::text, CASE WHEN t > now() THEN t ELSE t + interval '1 day' "
      "END"
      " FROM (SELECT (date_trunc('day', now() AT TIME ZONE 'UTC') + $6::text::time)"
      " AT TIME ZONE 'UTC' AS t) AS today ON CONFLICT DO NOTHING",
      {created.name, created.url, created.ref, created.path, created.schema, created.schedule});
  if (inserted.affected() == 0 || is_fixed_external_sql(created.name)) {
    throw Error("42710", fmt::format("external SQL \"{}\" already exists", created.name));
  }
}

std::string delete_external_sql(Connection& connection, const std::string& name) {
  const Result deleted = connection.exec(
      "DELETE FROM metadb.external_sql WHERE name = $1 RETURNING schema_name", {name});
  if (deleted.rows() == 0) {
    throw Error("42704", fmt::format("external SQL \"{}\" does not exist", name));
  }
  connection.exec("DELETE FROM metadb.external_sql_run WHERE name = $1", {name});
  return std::string(deleted.text(0, 0));
}

void record_external_sql_run(Connection& connection, const ExternalSqlRun& run) {
  connection.exec(
      "INSERT INTO metadb.external_sql_run AS r (name, last_run, last_result, commit_id, files_run,"
      " files_failed) VALUES ($1, clock_timestamp(), $2, nullif($3, ''), $4, $5)"
      " ON CONFLICT (name) DO UPDATE SET last_run = excluded.last_run,"
      " last_result = excluded.last_result, commit_id = excluded.commit_id,"
      " files_run = excluded.files_run, files_failed = excluded.files_failed",
      {run.name, run.result, run.commit, std::to_string(run.files_run),
       std::to_string(run.files_failed)});
}

}  // namespace metadb::catalog
