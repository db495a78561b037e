// What of a password stays in the memory of the process that relayed it.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <fstream>

#include "server/auth.h"
#include "tests/fakes/eventually.h"
#include "tests/server/front_end_fixture.h"

namespace metadb::tests {
namespace {

// tests/fakes/proxy.cc: the front end in a process that holds nothing of the client's.
class ProxyProcess {
 public:
  explicit ProxyProcess(const std::string& database) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) {
      throw std::runtime_error("pipe2");
    }
    std::vector<std::string> words{METADB_BINARY_DIR "/tests/proxy", "0",
                                   *catalog::conninfo_value(server_conninfo(), "host"),
                                   std::to_string(server_port()), database};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(in[0], 0);
      dup2(out[1], 1);
      execv(arguments[0], arguments.data());
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    in_ = in[1];
    FILE* told = fdopen(out[0], "r");
    if (fscanf(told, "listening on port %d", &port_) != 1) ADD_FAILURE() << "no proxy";
    fclose(told);
  }
  ~ProxyProcess() {
    close(in_);
    waitpid(pid_, nullptr, 0);
  }
  ProxyProcess(const ProxyProcess&) = delete;
  ProxyProcess& operator=(const ProxyProcess&) = delete;

  [[nodiscard]] int port() const { return port_; }
  // How often a text stands in what it can write to.
  [[nodiscard]] size_t count(const std::string& needle) const {
    const std::string folder = "/proc/" + std::to_string(pid_);
    std::ifstream maps(folder + "/maps");
    std::ifstream memory(folder + "/mem", std::ios::binary);
    size_t found = 0;
    for (std::string line; std::getline(maps, line);) {
      size_t begin = 0;
      size_t end = 0;
      std::array<char, 5> rights{};
      if (sscanf(line.c_str(), "%zx-%zx %4s", &begin, &end, rights.data()) != 3) continue;
      if (rights[1] != 'w') continue;
      std::string bytes(end - begin, '\0');
      memory.clear();
      memory.seekg(static_cast<std::streamoff>(begin));
      memory.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      for (size_t at = bytes.find(needle); at != std::string::npos;
           at = bytes.find(needle, at + 1)) {
        ++found;
      }
    }
    return found;
  }

 private:
  pid_t pid_ = 0;
  int in_ = -1;
  int port_ = 0;
};

std::string random_word(size_t size) {
  std::string word = server::random_bytes(size);
  for (char& c : word) c = static_cast<char>('a' + (static_cast<unsigned char>(c) % 26));
  return word;
}

TEST(LoginMemory, PasswordsDoNotStay) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's memory is too large to be searched";
#endif
  const TestDatabase database;
  const std::string user = "r_" + database.name();
  auto admin = database.connect();
  admin.exec("CREATE ROLE " + user + " LOGIN IN ROLE asks_password");
  {
    const ProxyProcess proxy(database.name());
    for (const size_t size : {13, 50}) {
      const std::string password = random_word(size);
      admin.exec("ALTER ROLE " + user + " PASSWORD '" + password + "'");
      // What allocators and moves write over the beginning of freed memory hides nothing else.
      const std::string most = password.substr(5);
      {
        const auto client = open("host=127.0.0.1 sslmode=disable gssencmode=disable port=" +
                                 std::to_string(proxy.port()) + " dbname=" + database.name() +
                                 " user=" + user + " password=" + password);
        EXPECT_EQ(value(query(client, "SELECT current_user")), user);
        EXPECT_GT(proxy.count(user), 0U) << "the search finds nothing";
        EXPECT_EQ(proxy.count(most), 0U) << size;
      }
      EXPECT_TRUE(eventually([&] {
        return admin.exec("SELECT count(*) FROM pg_stat_activity WHERE usename = '" + user + "'")
                   .int64(0, 0) == 0;
      }));
      EXPECT_EQ(proxy.count(most), 0U) << size;
    }
  }
  admin.exec("DROP ROLE " + user);
}

}  // namespace
}  // namespace metadb::tests
