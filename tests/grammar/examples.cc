#include "tests/grammar/examples.h"

#include <array>

namespace metadb::tests {
namespace {

constexpr bool kOurs = false;
constexpr bool kShared = true;

const std::array kExamples = {
    Example{"create data source sensor type kafka options (brokers 'kafka:29092', topics '^m1\\.', "
            "consumer_group 'm1')",
            "CreateDataSource{sensor, kafka, [brokers 'kafka:29092', topics '^m1\\.', "
            "consumer_group 'm1']}",
            "CREATE DATA SOURCE", kOurs},
    Example{
        "create data source s type kafka options (kafka.sasl.username 'u', \"kafka.Ssl.Ca\" 'p', "
        "module 'none')",
        "CreateDataSource{s, kafka, [kafka.sasl.username 'u', kafka.Ssl.Ca 'p', module 'none']}",
        "CREATE DATA SOURCE", kOurs},
    Example{"alter data source s options (a '1', add b '2', set c '3', drop d, drop kafka.x)",
            "AlterDataSource{s, [add a '1', add b '2', set c '3', drop d, drop kafka.x]}",
            "ALTER DATA SOURCE", kOurs},
    Example{"alter data source s options (add '1', set '2', drop '3', add add '4', set set '5', "
            "drop drop)",
            "AlterDataSource{s, [add add '1', add set '2', add drop '3', add add '4', set set '5', "
            "drop drop]}",
            "ALTER DATA SOURCE", kOurs},
    Example{"drop data source s", "DropDataSource{s}", "DROP DATA SOURCE", kOurs},
    Example{"pause data source s", "PauseDataSource{s}", "PAUSE DATA SOURCE", kOurs},
    Example{"resume data source s", "ResumeDataSource{s}", "RESUME DATA SOURCE", kOurs},
    Example{"sync data source s", "SyncDataSource{s}", "SYNC DATA SOURCE", kOurs},
    Example{"endsync data source s", "EndSyncDataSource{s, -, []}", "ENDSYNC DATA SOURCE", kOurs},
    Example{"endsync data source s force", "EndSyncDataSource{s, force, []}", "ENDSYNC DATA SOURCE",
            kOurs},
    Example{"endsync data source s sweep table a.b", "EndSyncDataSource{s, -, [a.b]}",
            "ENDSYNC DATA SOURCE", kOurs},
    Example{"endsync data source s force sweep table a.b, c.d",
            "EndSyncDataSource{s, force, [a.b, c.d]}", "ENDSYNC DATA SOURCE", kOurs},
    Example{"create data origin reshare_east", "CreateDataOrigin{reshare_east}",
            "CREATE DATA ORIGIN", kOurs},
    Example{"create data mapping for json from table library.inventory__ column jsondata path "
            "'$.a.\"b.c\"' to 't'",
            "CreateDataMapping{library.inventory__, jsondata, '$.a.\"b.c\"', 't', -}",
            "CREATE DATA MAPPING", kOurs},
    Example{"create data mapping for json from table s.t__ column c path '$' to 't' backfill",
            "CreateDataMapping{s.t__, c, '$', 't', backfill}", "CREATE DATA MAPPING", kOurs},
    Example{"drop data mapping for json from table s.t__ column c path '$.a'",
            "DropDataMapping{s.t__, c, '$.a'}", "DROP DATA MAPPING", kOurs},
    Example{"create user wegg with password 'LZn2DCajcNHpGR3ZXWHD'",
            "CreateUser{wegg, 'LZn2DCajcNHpGR3ZXWHD', -}", "CREATE USER", kShared},
    Example{"create user wegg with password 'p', comment 'Silas Wegg'",
            "CreateUser{wegg, 'p', 'Silas Wegg'}", "CREATE USER", kShared},
    Example{"create user wegg with comment 'Silas Wegg', password 'p'",
            "CreateUser{wegg, 'p', 'Silas Wegg'}", "CREATE USER", kShared},
    Example{"drop user wegg", "DropUser{wegg}", "DROP USER", kShared},
    Example{"register user wegg", "RegisterUser{wegg}", "REGISTER USER", kOurs},
    Example{"deregister user wegg", "DeregisterUser{wegg}", "DEREGISTER USER", kOurs},
    Example{"create schema for user wegg", "CreateSchemaForUser{wegg}", "CREATE SCHEMA", kShared},
    Example{"grant access on table s.t to u", "GrantAccess{s.t, u}", "GRANT", kShared},
    Example{"grant access on function s.f() to u", "GrantAccess{s.f[], u}", "GRANT", kShared},
    Example{"grant access on function s.f(Integer, double  precision, my.\"T\"[], interval) to u",
            "GrantAccess{s.f[integer, double precision, my.\"T\"[], interval], u}", "GRANT",
            kShared},
    Example{"grant access on all to u", "GrantAccess{all, u}", "GRANT", kShared},
    Example{"revoke access on table s.t from u", "RevokeAccess{s.t, u}", "REVOKE", kShared},
    Example{"revoke access on function s.f(text) from u", "RevokeAccess{s.f[text], u}", "REVOKE",
            kShared},
    Example{"revoke access on all from u", "RevokeAccess{all, u}", "REVOKE", kShared},
    Example{"alter table s.t__ add column c uuid", "AlterTableAddColumn{s.t__, c, uuid}",
            "ALTER TABLE", kShared},
    Example{"alter table s.t__ alter column c type timestamp with time zone",
            "AlterTableAlterColumnType{s.t__, c, timestamp with time zone}", "ALTER TABLE",
            kShared},
    Example{"purge data drop table s.t__", "PurgeData{[s.t__]}", "PURGE DATA", kOurs},
    Example{"purge data drop table s.t__, s.u__", "PurgeData{[s.t__, s.u__]}", "PURGE DATA", kOurs},
    Example{"alter system set max_poll_interval = '1800000'",
            "AlterSystemSet{max_poll_interval, '1800000'}", "ALTER SYSTEM", kShared},
    Example{"alter system set p to 'V'", "AlterSystemSet{p, 'V'}", "ALTER SYSTEM", kShared},
    Example{"alter system set p = 3000", "AlterSystemSet{p, '3000'}", "ALTER SYSTEM", kShared},
    Example{"alter system set p = - 1.5", "AlterSystemSet{p, '-1.5'}", "ALTER SYSTEM", kShared},
    Example{"alter system set p = On", "AlterSystemSet{p, 'on'}", "ALTER SYSTEM", kShared},
    Example{"alter system set p = \"Default\"", "AlterSystemSet{p, 'Default'}", "ALTER SYSTEM",
            kShared},
    Example{"alter system set p to default", "AlterSystemSet{p, -}", "ALTER SYSTEM", kShared},
    Example{"alter system reset p", "AlterSystemSet{p, -}", "ALTER SYSTEM", kShared},
    Example{"list status", "List{status}", "LIST", kOurs},
    Example{"list external sql", "List{external_sql}", "LIST", kOurs},
    Example{"list external", "List{external}", "LIST", kOurs},
    Example{"refresh inferred column types", "RefreshInferredColumnTypes{}",
            "REFRESH INFERRED COLUMN TYPES", kOurs},
    Example{"verify consistency", "VerifyConsistency{}", "VERIFY CONSISTENCY", kOurs},
    Example{"retry dead letters", "RetryDeadLetters{-}", "RETRY DEAD LETTERS", kOurs},
    Example{"retry dead letters for data source s", "RetryDeadLetters{s}", "RETRY DEAD LETTERS",
            kOurs},
    Example{"purge dead letters", "PurgeDeadLetters{-}", "PURGE DEAD LETTERS", kOurs},
    Example{"purge dead letters for data source s", "PurgeDeadLetters{s}", "PURGE DEAD LETTERS",
            kOurs},
    Example{
        "create external sql n from 'https://x' ref 'refs/heads/main' path 'sql' schema 'reports'",
        "CreateExternalSql{n, 'https://x', 'refs/heads/main', 'sql', 'reports', -}",
        "CREATE EXTERNAL SQL", kOurs},
    Example{"create external sql n from 'u' ref 'r' path 'p' schema 's' schedule '03:00'",
            "CreateExternalSql{n, 'u', 'r', 'p', 's', '03:00'}", "CREATE EXTERNAL SQL", kOurs},
    Example{"drop external sql n", "DropExternalSql{n}", "DROP EXTERNAL SQL", kOurs},
    Example{"run external sql", "RunExternalSql{-}", "RUN EXTERNAL SQL", kOurs},
    Example{"run external sql for n", "RunExternalSql{n}", "RUN EXTERNAL SQL", kOurs},
};

}  // namespace

std::span<const Example> examples() {
  return kExamples;
}

}  // namespace metadb::tests
