// The commands of the Metadb dialect, one struct each, as the parser hands them on.
//
// Plain values: names are folded and unquoted, strings decoded; nothing points into the source
// text. Positions are 1-based and count characters (code points) of the text given to parse().
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "grammar/secret.h"

namespace metadb::grammar::ast {

// An identifier: ASCII-folded to lower case unless quoted, cut to 63 bytes as PostgreSQL does.
struct Name {
  std::string text;
  int position = 0;
};

// A string literal, decoded.
struct Text {
  std::string text;
  int position = 0;  // of the literal's first character
};

// schema.name; the grammar has no unqualified objects.
struct QualifiedName {
  Name schema;
  Name name;
};

// A type in SQL form: words in lower case with one space between, quoted names still quoted,
// e.g. `character varying(10)`, `timestamp(3) with time zone`, `my."T"[]`. Safe to put into SQL.
struct TypeName {
  std::string sql;
  int position = 0;
};

// `OPT 'V'`. A dotted name (`kafka.sasl.username`) is one Name.
struct Option {
  Name name;
  Text value;
};

enum class OptionAction { add, set, drop };

// One element of ALTER ... OPTIONS; without a word it adds, as in PostgreSQL.
struct OptionChange {
  OptionAction action = OptionAction::add;
  Name name;
  Text value;  // empty for drop
};

struct CreateDataSource {
  static constexpr std::string_view kTag = "CREATE DATA SOURCE";
  Name name;
  Name type;
  std::vector<Option> options;
};

struct AlterDataSource {
  static constexpr std::string_view kTag = "ALTER DATA SOURCE";
  Name name;
  std::vector<OptionChange> changes;
};

struct DropDataSource {
  static constexpr std::string_view kTag = "DROP DATA SOURCE";
  Name name;
};

struct PauseDataSource {
  static constexpr std::string_view kTag = "PAUSE DATA SOURCE";
  Name name;
};

struct ResumeDataSource {
  static constexpr std::string_view kTag = "RESUME DATA SOURCE";
  Name name;
};

struct SyncDataSource {
  static constexpr std::string_view kTag = "SYNC DATA SOURCE";
  Name name;
};

struct EndSyncDataSource {
  static constexpr std::string_view kTag = "ENDSYNC DATA SOURCE";
  Name name;
  bool is_forced = false;
  std::vector<QualifiedName> sweep_tables;
};

struct CreateDataOrigin {
  static constexpr std::string_view kTag = "CREATE DATA ORIGIN";
  Name name;
};

struct CreateDataMapping {
  static constexpr std::string_view kTag = "CREATE DATA MAPPING";
  QualifiedName table;
  Name column;
  Text path;
  Text target_identifier;
  bool is_backfill = false;
};

struct DropDataMapping {
  static constexpr std::string_view kTag = "DROP DATA MAPPING";
  QualifiedName table;
  Name column;
  Text path;
};

struct CreateUser {
  static constexpr std::string_view kTag = "CREATE USER";
  Name name;
  Secret password;
  std::optional<Text> comment;
};

struct DropUser {
  static constexpr std::string_view kTag = "DROP USER";
  Name name;
};

struct RegisterUser {
  static constexpr std::string_view kTag = "REGISTER USER";
  Name name;
};

struct DeregisterUser {
  static constexpr std::string_view kTag = "DEREGISTER USER";
  Name name;
};

struct CreateSchemaForUser {
  static constexpr std::string_view kTag = "CREATE SCHEMA";
  Name user;
};

struct FunctionSignature {
  QualifiedName name;
  std::vector<TypeName> argument_types;
};

// `all`: every object that `grant access on all` covers.
struct AllObjects {};

// A QualifiedName is a table.
using AccessObject = std::variant<QualifiedName, FunctionSignature, AllObjects>;

struct GrantAccess {
  static constexpr std::string_view kTag = "GRANT";
  AccessObject object;
  Name user;
};

struct RevokeAccess {
  static constexpr std::string_view kTag = "REVOKE";
  AccessObject object;
  Name user;
};

struct AlterTableAddColumn {
  static constexpr std::string_view kTag = "ALTER TABLE";
  QualifiedName table;
  Name column;
  TypeName type;
};

struct AlterTableAlterColumnType {
  static constexpr std::string_view kTag = "ALTER TABLE";
  QualifiedName table;
  Name column;
  TypeName type;
};

struct PurgeData {
  static constexpr std::string_view kTag = "PURGE DATA";
  std::vector<QualifiedName> tables;
};

struct AlterSystemSet {
  static constexpr std::string_view kTag = "ALTER SYSTEM";
  Name parameter;
  std::optional<Text> value;  // nullopt: back to the default, by DEFAULT or RESET
};

// `list external sql` arrives as the name external_sql.
struct List {
  static constexpr std::string_view kTag = "LIST";
  Name name;
};

struct RefreshInferredColumnTypes {
  static constexpr std::string_view kTag = "REFRESH INFERRED COLUMN TYPES";
};

struct VerifyConsistency {
  static constexpr std::string_view kTag = "VERIFY CONSISTENCY";
};

struct RetryDeadLetters {
  static constexpr std::string_view kTag = "RETRY DEAD LETTERS";
  std::optional<Name> source;
};

struct PurgeDeadLetters {
  static constexpr std::string_view kTag = "PURGE DEAD LETTERS";
  std::optional<Name> source;
};

struct CreateExternalSql {
  static constexpr std::string_view kTag = "CREATE EXTERNAL SQL";
  Name name;
  Text url;
  Text ref;
  Text path;
  Text schema;
  std::optional<Text> schedule;
};

struct DropExternalSql {
  static constexpr std::string_view kTag = "DROP EXTERNAL SQL";
  Name name;
};

struct RunExternalSql {
  static constexpr std::string_view kTag = "RUN EXTERNAL SQL";
  std::optional<Name> name;
};

using Command =
    std::variant<CreateDataSource, AlterDataSource, DropDataSource, PauseDataSource,
                 ResumeDataSource, SyncDataSource, EndSyncDataSource, CreateDataOrigin,
                 CreateDataMapping, DropDataMapping, CreateUser, DropUser, RegisterUser,
                 DeregisterUser, CreateSchemaForUser, GrantAccess, RevokeAccess,
                 AlterTableAddColumn, AlterTableAlterColumnType, PurgeData, AlterSystemSet, List,
                 RefreshInferredColumnTypes, VerifyConsistency, RetryDeadLetters, PurgeDeadLetters,
                 CreateExternalSql, DropExternalSql, RunExternalSql>;

// The tag of CommandComplete.
std::string_view tag(const Command& command);

}  // namespace metadb::grammar::ast
