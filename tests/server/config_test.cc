#include "server/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "catalog/error.h"

namespace metadb::tests {
namespace {

using server::Config;
using server::Environment;
using testing::ElementsAre;
using testing::HasSubstr;

class ConfigFile : public testing::Test {
 protected:
  ConfigFile() {
    std::string name = testing::TempDir() + "metadb-config-XXXXXX";
    folder_ = mkdtemp(name.data());
    file_ = folder_ / "metadb.yaml";
  }
  ~ConfigFile() override { std::filesystem::remove_all(folder_); }

  Config load(const std::string& text, const Environment& environment = {}) {
    std::ofstream(file_) << text;
    return server::load_config(file_, environment);
  }
  // The message of the error that loading `text` ends with, without the folder.
  std::string error_of(const std::string& text, const Environment& environment = {}) {
    try {
      load(text, environment);
    } catch (const catalog::Error& error) {
      std::string message = error.message();
      const std::string prefix = folder_.string() + "/";
      for (size_t at = message.find(prefix); at != std::string::npos; at = message.find(prefix)) {
        message.erase(at, prefix.size());
      }
      return message;
    }
    return "no error";
  }

  std::filesystem::path folder_;
  std::filesystem::path file_;
};

TEST_F(ConfigFile, EmptyFileMeansDefaults) {
  const Config config = load("# nothing\n");
  EXPECT_THAT(config.listen_addresses, ElementsAre("127.0.0.1"));
  EXPECT_EQ(config.port, 8550);
  EXPECT_EQ(config.database.conninfo, "");
  EXPECT_FALSE(config.accept_backend_trust);
}

TEST_F(ConfigFile, ReadsNestedSettingsAndLists) {
  const Config config = load(
      "listen_addresses: [0.0.0.0, \"::\"]\nport: 5433\nmemory_limit_gib: 0.5\n"
      "database:\n  conninfo: host=db user=u\n  system_user: sys\nauth:\n"
      "  accept_backend_trust: true\nlog: {level: debug, file: m.log}\n");
  EXPECT_THAT(config.listen_addresses, ElementsAre("0.0.0.0", "::"));
  EXPECT_EQ(config.port, 5433);
  EXPECT_EQ(config.memory_limit_bytes, 512 * 1024 * 1024);
  EXPECT_EQ(config.database.conninfo, "host=db user=u");
  EXPECT_EQ(config.database.system_user, "sys");
  EXPECT_TRUE(config.accept_backend_trust);
  EXPECT_EQ(config.log_level, "debug");
  EXPECT_EQ(config.log_file, "m.log");
}

TEST_F(ConfigFile, NamesFileLineAndKeyOfAnUnknownSetting) {
  EXPECT_EQ(error_of("port: 1\ndatabase:\n  conninof: x\n"),
            "metadb.yaml:3: database.conninof: unknown setting");
  EXPECT_EQ(error_of("\n\nprot: 1\n"), "metadb.yaml:3: prot: unknown setting");
}

TEST_F(ConfigFile, NamesFileLineAndKeyOfAWrongType) {
  EXPECT_EQ(error_of("port: many\n"),
            "metadb.yaml:1: port: expects a whole number from 0 to 65535, not \"many\"");
  EXPECT_EQ(error_of("port: 65536\n"),
            "metadb.yaml:1: port: expects a whole number from 0 to 65535, not \"65536\"");
  EXPECT_EQ(error_of("io_threads: [1]\n"), "metadb.yaml:1: io_threads: expects a single value");
  EXPECT_EQ(error_of("auth:\n  accept_backend_trust: maybe\n"),
            "metadb.yaml:2: auth.accept_backend_trust: expects true or false, not \"maybe\"");
  EXPECT_EQ(error_of("database: host=x\n"),
            "metadb.yaml:1: database: expects settings below it, indented");
  EXPECT_EQ(error_of("memory_limit_gib: nan\n"),
            "metadb.yaml:1: memory_limit_gib: expects a number of GiB, at least 0.25, not \"nan\"");
  EXPECT_EQ(error_of("listen_addresses: {a: b}\n"),
            "metadb.yaml:1: listen_addresses: expects a list of values");
  EXPECT_EQ(error_of("- a\n"), "metadb.yaml:1: expects `key: value` lines");
}

TEST_F(ConfigFile, RefusesAKeyGivenTwice) {
  EXPECT_EQ(error_of("port: 1\nio_threads: 1\nport: 2\n"), "metadb.yaml:3: port: given twice");
}

TEST_F(ConfigFile, NamesTheLineOfBrokenYaml) {
  EXPECT_THAT(error_of("port: 1\nlog: {level: \n"), HasSubstr("metadb.yaml:3: not valid YAML: "));
}

TEST_F(ConfigFile, NamesAMissingFile) {
  try {
    server::load_config(folder_ / "absent.yaml", {});
    FAIL() << "no error";
  } catch (const catalog::Error& error) {
    EXPECT_EQ(error.message(),
              (folder_ / "absent.yaml").string() + ": cannot be read: No such file or directory");
  }
}

TEST_F(ConfigFile, ReadsPasswordFilesBesideIt) {
  std::ofstream(folder_ / "pw") << "s3cret\nmore\n";
  const Config config = load("database:\n  system_password_file: pw\n");
  EXPECT_EQ(config.database.system_password, "s3cret");
}

TEST_F(ConfigFile, NamesTheKeyOfAMissingPasswordFile) {
  EXPECT_EQ(error_of("database:\n  superuser_password_file: pw\n"),
            "metadb.yaml:2: database.superuser_password_file: cannot read pw: No such file or "
            "directory");
}

TEST_F(ConfigFile, RefusesAPasswordAndItsFile) {
  EXPECT_EQ(error_of("database:\n  system_password: s3cret\n  system_password_file: pw\n"),
            "metadb.yaml:3: database.system_password_file: the password itself is given too");
}

TEST_F(ConfigFile, EnvironmentWinsOverTheFile) {
  const Config config = load("port: 1\ndatabase:\n  conninfo: host=a\n",
                             {{"METADB_PORT", "7"},
                              {"METADB_DATABASE_CONNINFO", "host=b"},
                              {"METADB_LISTEN_ADDRESSES", "127.0.0.1,::1"}});
  EXPECT_EQ(config.port, 7);
  EXPECT_EQ(config.database.conninfo, "host=b");
  EXPECT_THAT(config.listen_addresses, ElementsAre("127.0.0.1", "::1"));
}

TEST_F(ConfigFile, EnvironmentPasswordReplacesAPasswordFile) {
  const Config config = load("database:\n  system_password_file: absent\n",
                             {{"METADB_DATABASE_SYSTEM_PASSWORD", "fromenv"}});
  EXPECT_EQ(config.database.system_password, "fromenv");
}

TEST_F(ConfigFile, ErrorsInTheEnvironmentNameTheVariable) {
  EXPECT_EQ(error_of("", {{"METADB_PORT", "x"}}),
            "METADB_PORT: port: expects a whole number from 0 to 65535, not \"x\"");
}

TEST_F(ConfigFile, NamesTheLineOfAConnectionStringThatDoesNotParse) {
  const std::string expected =
      "database.conninfo: expects a libpq connection string such as \"host=db.example "
      "dbname=metadb user=mdbadmin\", or a URI";
  EXPECT_EQ(error_of("port: 1\ndatabase:\n  conninfo: host=db password='s3cret\n"),
            "metadb.yaml:3: " + expected);
  EXPECT_EQ(error_of("", {{"METADB_DATABASE_CONNINFO", "host=db s3cret"}}),
            "METADB_DATABASE_CONNINFO: " + expected);
}

TEST_F(ConfigFile, AnnotatedYamlLoadsAndKeepsItsValues) {
  const std::string conninfo = R"(host=db password='it\'s "x" # not a comment')";
  const Config config = load(server::annotated_yaml({{"database.conninfo", conninfo}}));
  EXPECT_EQ(config.database.conninfo, conninfo);
  EXPECT_EQ(config.port, Config().port);
}

TEST(Settings, DefaultsInTheTableAreThoseOfTheStruct) {
  std::string text = server::annotated_yaml({});
  // Every commented-out default, taken as given, changes nothing.
  for (const server::Setting& setting : server::settings()) {
    if (setting.initial.empty()) continue;
    const std::string key(setting.path.substr(setting.path.find('.') + 1));
    const size_t at = text.find("# " + key + ": ");
    ASSERT_NE(at, std::string::npos) << setting.path;
    text.erase(at, 2);
  }
  std::string name = testing::TempDir() + "metadb-defaults-XXXXXX";
  const std::filesystem::path folder = mkdtemp(name.data());
  std::ofstream(folder / "metadb.yaml") << text;
  const Config config = server::load_config(folder / "metadb.yaml", {});
  std::filesystem::remove_all(folder);
  const Config initial;
  EXPECT_EQ(config.listen_addresses, initial.listen_addresses);
  EXPECT_EQ(config.port, initial.port);
  EXPECT_EQ(config.max_connections, initial.max_connections);
  EXPECT_EQ(config.io_threads, initial.io_threads);
  EXPECT_EQ(config.memory_limit_bytes, initial.memory_limit_bytes);
  EXPECT_EQ(config.accept_backend_trust, initial.accept_backend_trust);
  EXPECT_EQ(config.log_level, initial.log_level);
}

TEST(Settings, EachHasItsOwnVariableAndADocSentence) {
  std::set<std::string> names;
  for (const server::Setting& setting : server::settings()) {
    EXPECT_TRUE(names.insert(server::environment_name(setting.path)).second) << setting.path;
    EXPECT_TRUE(setting.doc.ends_with('.')) << setting.path;
  }
}

TEST(Settings, ConfHoldsTheReferenceFile) {
  const std::filesystem::path reference = METADB_SOURCE_DIR "/conf/metadb.yaml";
  if (std::getenv("METADB_WRITE_CONF") != nullptr) {
    std::ofstream(reference) << server::annotated_yaml({});
  }
  std::ifstream input(reference);
  const std::string text{std::istreambuf_iterator<char>(input), {}};
  EXPECT_EQ(text, server::annotated_yaml({}));
}

TEST(Settings, VariablesThatNothingReadsAreReported) {
  EXPECT_THAT(server::unknown_variables({{"METADB_PROT", "1"}, {"METADB_PORT", "1"}}),
              ElementsAre("METADB_PROT"));
}

}  // namespace
}  // namespace metadb::tests
