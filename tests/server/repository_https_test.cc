// Repositories over https: authorities, users and passwords.
#include <gmock/gmock.h>

#include "server/repository.h"
#include "tests/server/git_folder.h"
#include "tests/server/program.h"
#include "tests/server/test_certificate.h"

namespace metadb::tests {
namespace {

using catalog::Error;
using testing::HasSubstr;
using testing::Not;

// tests/fakes/git_https.py, as long as it lives.
class HttpsServer {
 public:
  HttpsServer(const fs::path& repository, const TestFolder& folder) {
    std::array<int, 2> input{};
    std::array<int, 2> output{};
    if (pipe2(input.data(), O_CLOEXEC) != 0 || pipe2(output.data(), O_CLOEXEC) != 0) {
      throw std::runtime_error("pipe2");
    }
    std::vector<std::string> words = {METADB_SOURCE_DIR "/tests/fakes/git_https.py",
                                      repository.string(), folder.file("server.crt"),
                                      folder.file("server.key")};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(input[0], 0);
      dup2(output[1], 1);
      execv(arguments[0], arguments.data());
      _exit(127);
    }
    close(input[0]);
    close(output[1]);
    end_ = server::Descriptor(input[1]);
    said_ = server::Descriptor(output[0]);
    std::array<char, 16> line{};
    if (read(said_.get(), line.data(), line.size() - 1) <= 0) {
      throw std::runtime_error("git_https.py did not start");
    }
    port_ = std::stoi(line.data());
  }
  ~HttpsServer() {
    end_ = server::Descriptor();
    waitpid(pid_, nullptr, 0);
  }
  HttpsServer(const HttpsServer&) = delete;
  HttpsServer& operator=(const HttpsServer&) = delete;
  [[nodiscard]] std::string port() const { return std::to_string(port_); }

 private:
  pid_t pid_ = 0;
  int port_ = 0;
  server::Descriptor end_;
  server::Descriptor said_;
};

class RepositoryHttps : public testing::Test {
 protected:
  RepositoryHttps() {
    options_.directory = folder_.file("fetched");
    options_.program = program();
    make_certificate(folder_, "server", "localhost");
    git_.write("sql/runlist.txt", "a.sql\n");
    git_.write("sql/a.sql", "select 1;\n");
    commit_ = git_.commit();
    server_.emplace(git_.path(), folder_);
    setenv("SSL_CERT_FILE", folder_.file("server.crt").c_str(), 1);
  }
  ~RepositoryHttps() override { unsetenv("SSL_CERT_FILE"); }

  server::Repository fetch(const std::string& user, const std::string& host = "localhost",
                           const std::string& ref = "main") {
    const std::string url = "https://" + user + host + ":" + server_->port() + "/.git";
    return server::fetch_repository({url, ref, "sql"}, options_, {});
  }
  Error failure(const std::string& user, const std::string& host = "localhost") {
    try {
      fetch(user, host);
    } catch (const Error& error) {
      EXPECT_THAT(described(error), Not(HasSubstr("hush")));
      return error;
    }
    ADD_FAILURE() << "fetched";
    return {"00000", ""};
  }

  TestFolder folder_;
  GitFolder git_;
  std::string commit_;
  std::optional<HttpsServer> server_;
  server::FetchOptions options_;
};

TEST_F(RepositoryHttps, IsFetchedAsTheUserOfItsUrl) {
  const server::Repository repository = fetch("me:hush@");
  EXPECT_EQ(repository.commit, commit_);
  ASSERT_EQ(repository.files.size(), 1U);
  EXPECT_EQ(repository.files[0].text, "select 1;\n");
  EXPECT_EQ(fetch("me:hush@", "localhost", commit_).commit, commit_);
}

TEST_F(RepositoryHttps, IsRefusedWithoutItsPassword) {
  EXPECT_THAT(failure("").message(), HasSubstr("authenti"));
  const Error error = failure("me:hush2@");
  EXPECT_EQ(error.sqlstate, "58030");
  EXPECT_THAT(error.message(), HasSubstr("authenti"));
  EXPECT_THAT(error.message(), HasSubstr("https://********@localhost:"));
}

TEST_F(RepositoryHttps, IsHeldToItsCertificate) {
  EXPECT_THAT(failure("me:hush@", "127.0.0.1").message(), HasSubstr("certificate"));
  unsetenv("SSL_CERT_FILE");
  EXPECT_THAT(failure("me:hush@").message(), HasSubstr("certificate"));
}

}  // namespace
}  // namespace metadb::tests
