// Repositories, fetched by a child as the server does it.
#include "server/repository.h"

#include <gmock/gmock.h>

#include <chrono>
#include <future>

#include "catalog/external_sql.h"
#include "tests/fakes/eventually.h"
#include "tests/server/git_folder.h"
#include "tests/server/program.h"

namespace metadb::tests {
namespace {

using catalog::Error;
using server::fetch_repository;
using server::Repository;
using server::RepositoryFile;
using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::Not;

class RepositoryTest : public testing::Test {
 protected:
  RepositoryTest() {
    std::string name = "/tmp/metadb-fetch-XXXXXX";
    options_.directory = mkdtemp(name.data());
    options_.program = program();
    git_.write("sql/runlist.txt", "a.sql\n\n  b.sql \r\n");
    git_.write("sql/a.sql", "select 1;\n");
    git_.write("sql/b.sql", "select 2;\n");
  }
  ~RepositoryTest() override { fs::remove_all(options_.directory); }

  Repository fetch(const std::string& ref, const std::string& path = "sql") {
    return fetch_repository({git_.url(), ref, path}, options_, stop_.get_token());
  }
  Error failure(const server::RepositoryPlace& place) {
    try {
      fetch_repository(place, options_, stop_.get_token());
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "fetched";
    return {"00000", ""};
  }
  // A program in the place of ours.
  void pretend(const std::string& script) {
    const fs::path file = options_.directory / "program";
    std::ofstream(file) << "#!/bin/sh\n" << script << "\n";
    fs::permissions(file, fs::perms(0755));
    options_.program = file;
  }
  [[nodiscard]] bool is_tidy() const {
    for (const auto& entry : fs::directory_iterator(options_.directory)) {
      if (entry.is_directory()) return false;
    }
    return true;
  }

  GitFolder git_;
  server::FetchOptions options_;
  std::stop_source stop_;
};

TEST_F(RepositoryTest, IsFetchedByEachKindOfReference) {
  const std::string first = git_.commit();
  git_.git({"tag", "-a", "v1", "-m", "one"});
  git_.git({"tag", "light"});
  git_.git({"branch", "feature/x"});
  git_.write("sql/a.sql", "select 'later';\n");
  const std::string second = git_.commit();
  const std::vector<std::string> refs = {"v1",      "light",           "refs/tags/v1",
                                         "tags/v1", "feature/x",       "refs/heads/feature/x",
                                         first,     first.substr(0, 8)};
  for (const std::string& ref : refs) {
    const Repository repository = fetch(ref);
    EXPECT_EQ(repository.commit, first) << ref;
    ASSERT_EQ(repository.files.size(), 2U);
    EXPECT_EQ(repository.files[0].text, "select 1;\n");
  }
  for (const std::string ref : {"main", "HEAD"}) EXPECT_EQ(fetch(ref).commit, second) << ref;
  EXPECT_TRUE(is_tidy());
}

TEST_F(RepositoryTest, HandsOutFilesInTheOrderOfTheRunlist) {
  git_.commit();
  const Repository repository = fetch("main", "/sql/");
  EXPECT_THAT(repository.files, ElementsAre(AllOf(Field(&RepositoryFile::name, "a.sql"),
                                                  Field(&RepositoryFile::problem, ""),
                                                  Field(&RepositoryFile::text, "select 1;\n")),
                                            AllOf(Field(&RepositoryFile::name, "b.sql"),
                                                  Field(&RepositoryFile::text, "select 2;\n"))));
}

TEST_F(RepositoryTest, MayHaveItsFilesAtTheRoot) {
  git_.write("runlist.txt", "sql/a.sql\n");
  git_.commit();
  for (const char* path : {"", ".", "/"}) {
    EXPECT_EQ(fetch("main", path).files[0].text, "select 1;\n") << path;
  }
}

TEST_F(RepositoryTest, KeepsFilesThatCannotBeRunApart) {
  git_.write("sql/runlist.txt",
             "../secret\n/etc/passwd\nlink.sql\nfolder/x.sql\ndir\nnone.sql\nbig.sql\nzero.sql\n"
             "./a.sql\na.sql\n");
  git_.write("secret", "select 'out';\n");
  git_.write("outside/x.sql", "select 'out';\n");
  git_.write("sql/dir/x.sql", "select 'in';\n");
  git_.write("sql/big.sql", std::string(server::kSqlFileBytesMax + 1, 'x'));
  git_.write("sql/zero.sql", std::string("a\0b", 3));
  fs::create_symlink("/etc/passwd", git_.path() / "sql/link.sql");
  fs::create_symlink("../outside", git_.path() / "sql/folder");
  git_.commit();
  std::vector<std::string> problems;
  const Repository repository = fetch("main");
  for (const RepositoryFile& file : repository.files) {
    problems.push_back(file.problem);
    EXPECT_EQ(file.problem.empty(), file.name == "a.sql") << file.name;
    EXPECT_EQ(file.text.empty(), file.name != "a.sql") << file.name;
  }
  EXPECT_THAT(
      problems,
      ElementsAre("its path leads out of the folder", "its path leads out of the folder",
                  "it is a symbolic link", "there is no such file", "it is no file",
                  "there is no such file", "it has more than 4 MiB",
                  "it holds a zero byte: it is no text", "its path leads out of the folder", ""));
}

TEST_F(RepositoryTest, SaysWhatIsMissing) {
  git_.write("other/x.sql", "");
  git_.commit();
  Error error = failure({git_.url(), "v9", "sql"});
  EXPECT_EQ(error.sqlstate, "42704");
  EXPECT_EQ(error.message(), git_.url() + " cannot be fetched: it has no reference \"v9\"");
  EXPECT_THAT(error.hint, HasSubstr("a tag, a branch"));
  EXPECT_EQ(failure({git_.url(), std::string(40, 'a'), "sql"}).sqlstate, "42704");
  error = failure({git_.url(), "main", "nowhere"});
  EXPECT_EQ(error.sqlstate, "58P01");
  EXPECT_THAT(error.message(), HasSubstr("it has no folder \"nowhere\""));
  EXPECT_EQ(failure({git_.url(), "main", "../sql"}).sqlstate, "58P01");
  error = failure({git_.url(), "main", "other"});
  EXPECT_EQ(error.sqlstate, "58P01");
  EXPECT_THAT(error.message(), HasSubstr("other/runlist.txt: there is no such file"));
  error = failure({git_.url() + "-gone", "main", "sql"});
  EXPECT_EQ(error.sqlstate, "58030");
  EXPECT_TRUE(is_tidy());
}

TEST_F(RepositoryTest, OfTooManyFilesIsRefused) {
  std::string runlist;
  for (size_t i = 0; i <= server::kSqlFilesMax; ++i) runlist += "a.sql\n";
  git_.write("sql/runlist.txt", runlist);
  git_.commit();
  EXPECT_EQ(failure({git_.url(), "main", "sql"}).sqlstate, "54000");
}

TEST_F(RepositoryTest, SecretsOfItsUrlAreNotShown) {
  const Error error = failure({"https://me:hush@localhost:1/x.git", "main", ""});
  EXPECT_EQ(error.sqlstate, "58030");
  EXPECT_THAT(error.message(), testing::StartsWith("https://********@localhost:1/x.git cannot be"));
  EXPECT_THAT(described(error), Not(HasSubstr("hush")));
}

TEST_F(RepositoryTest, IsGivenUpInTime) {
  pretend("exec sleep 600");
  options_.timeout = std::chrono::seconds(1);
  const Error error = failure({git_.url(), "main", "sql"});
  EXPECT_EQ(error.sqlstate, "57014");
  EXPECT_THAT(error.message(), HasSubstr("it took longer than 1 s"));
  EXPECT_TRUE(is_tidy());
}

TEST_F(RepositoryTest, IsGivenUpWhenAsked) {
  pretend("exec sleep 600");
  auto failed = std::async(std::launch::async, [&] {
    return failure({git_.url(), "main", "sql"});
  });
  ASSERT_TRUE(eventually([&] { return !is_tidy(); })) << "it began";
  stop_.request_stop();
  EXPECT_EQ(failed.get().sqlstate, "57014");
  EXPECT_TRUE(is_tidy());
}

TEST_F(RepositoryTest, ThatEndsItsChildDoesNotEndTheServer) {
  pretend("kill -SEGV $$");
  Error error = failure({git_.url(), "main", "sql"});
  EXPECT_EQ(error.sqlstate, "58030");
  EXPECT_THAT(error.message(), HasSubstr("ended with code 139"));
  pretend("echo 3:abc");
  EXPECT_EQ(failure({git_.url(), "main", "sql"}).sqlstate, "58030");
  pretend("exec cat /dev/zero");
  EXPECT_EQ(failure({git_.url(), "main", "sql"}).sqlstate, "54000");
  options_.program = "/nonexistent";
  EXPECT_EQ(failure({git_.url(), "main", "sql"}).sqlstate, "58000");
  EXPECT_TRUE(is_tidy());
}

TEST(FetchAnswer, ComesBackAsItWasWritten) {
  const Repository repository{"abc", {{"a", "", "select\n'\xff'"}, {"b", "why", ""}}};
  const auto read = server::decode_answer(server::encode(server::FetchAnswer(repository)));
  ASSERT_TRUE(read);
  const auto& files = std::get<Repository>(*read).files;
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].text, repository.files[0].text);
  EXPECT_EQ(files[1].problem, "why");
  for (const char* wrong : {"", "5:files", "5:files1", "5:files9999999999999999999999:x",
                            "3:abc1:x", "5:files1:x1:y", "5:error5:42601", "-1:x"}) {
    EXPECT_FALSE(server::decode_answer(wrong)) << wrong;
  }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// Objects are unpacked in memory to make a pack of them, and to make them of one.
TEST_F(RepositoryTest, EndsAtItsBoundOfMemory) {
  options_.memory_bytes_max = size_t{96} << 20;
  git_.git({"config", "core.compression", "0"});
  git_.commit();
  EXPECT_EQ(fetch("main").files.size(), 2U);
  git_.write("large", std::string(size_t{104} << 20, 'x'));
  git_.commit();
  const Error error = failure({git_.url(), "main", "sql"});
  EXPECT_EQ(error.sqlstate, "53200");
  EXPECT_THAT(error.message(), HasSubstr("it needs more than 96 MiB of memory"));
  EXPECT_TRUE(is_tidy());
}
#endif

}  // namespace
}  // namespace metadb::tests
