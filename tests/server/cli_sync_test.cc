// metadb sync, endsync and status, with the server and without it.
#include <gmock/gmock.h>

#include <regex>

#include "server/progress_bar.h"
#include "tests/server/program.h"

namespace metadb::tests {
namespace {

using server::ChildResult;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class CliSync : public Program {
 protected:
  ChildResult tell(std::vector<std::string> words) {
    words.insert(words.begin() + 1, {"-D", directory_.string()});
    return run(words);
  }
  std::string mode() {
    catalog::Connection connection(conninfo("mdbadmin", password("mdbadmin")));
    return std::string(connection.exec("SELECT sync FROM metadb.source").text(0, 0));
  }
};

TEST_F(CliSync, WorksWithTheServerAndWithoutIt) {
  ASSERT_EQ(init().exit_code, 0);
  {
    Running server(directory_);
    ASSERT_TRUE(server.says("info: started")) << server.log();
    const std::string status = tell({"status"}).output;
    std::smatch socket;
    EXPECT_THAT(status, Not(HasSubstr("source")));
    ASSERT_TRUE(std::regex_search(status, socket, std::regex(R"((/\S*)/\.s\.PGSQL\.(\d+))")));
    catalog::Connection client(
        catalog::conninfo_with(conninfo("mdbadmin", password("mdbadmin")),
                               {{"host", socket[1].str()}, {"port", socket[2].str()}}));
    client.exec(
        "create data source \"the source\" type kafka options (brokers '127.0.0.1:1', security "
        "'plaintext', topics 't', consumer_group 'g')");
    EXPECT_THAT(tell({"status"}).output,
                ContainsRegex("source     the source: (starting|retrying) .initial sync."));

    const ChildResult unanswered = tell({"endsync", "--source", "the source"});
    EXPECT_EQ(unanswered.exit_code, 1);
    EXPECT_THAT(unanswered.output, HasSubstr("Nobody can be asked"));
    EXPECT_THAT(unanswered.output, HasSubstr("--force"));
    EXPECT_EQ(mode(), "1");

    const ChildResult ended = tell({"endsync", "--source", "the source", "--force"});
    EXPECT_EQ(ended.exit_code, 0) << ended.output;
    EXPECT_THAT(ended.output,
                HasSubstr("WARNING: data source \"the source\" has not come to the end"));
    EXPECT_EQ(mode(), "0");
    const ChildResult nobody = tell({"sync", "--source", "nobody", "--force"});
    EXPECT_EQ(nobody.exit_code, 1);
    EXPECT_THAT(nobody.output, HasSubstr("data source \"nobody\" does not exist"));
    EXPECT_EQ(tell({"stop"}).exit_code, 0);
  }
  const ChildResult begun = tell({"sync", "--source", "the source", "--force"});
  EXPECT_EQ(begun.exit_code, 0) << begun.output;
  EXPECT_FALSE(fs::exists(postmaster_pid_file())) << "PostgreSQL is stopped again";
  EXPECT_EQ(tell({"status"}).exit_code, 1);
  {
    Running server(directory_);
    ASSERT_TRUE(server.says("info: started")) << server.log();
    EXPECT_EQ(mode(), "2");
    EXPECT_EQ(tell({"stop"}).exit_code, 0);
  }
  const ChildResult refused = tell({"endsync", "--source", "the source", "--force"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.output, HasSubstr("not known to be complete"));
  EXPECT_THAT(refused.output, HasSubstr("--force-sweep"));
  EXPECT_EQ(tell({"endsync", "--source", "the source", "--force", "--force-sweep"}).exit_code, 0);
  EXPECT_EQ(tell({"endsync", "--force"}).exit_code, 2);
}

TEST(ProgressBar, DrawsWhatCommandsTell) {
  const auto progress = server::progress_in("120 of 480 rows have ended");
  ASSERT_TRUE(progress);
  EXPECT_EQ(server::bar_text(*progress, 8), "[##------]  25 %");
  EXPECT_EQ(server::bar_text({9, 8}, 4), "[####] 100 %");
  EXPECT_FALSE(server::progress_in("1 of 6 current rows ended"));
  EXPECT_FALSE(server::progress_in("0 of 0 rows have ended"));
  EXPECT_FALSE(server::progress_in("waiting for a lock"));
}

}  // namespace
}  // namespace metadb::tests
