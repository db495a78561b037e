// Certificates made for a test.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace metadb::tests {

// A folder that goes with its owner.
class TestFolder {
 public:
  TestFolder() {
    char name[] = "/tmp/metadb-test.XXXXXX";
    if (::mkdtemp(name) == nullptr) ADD_FAILURE() << "no folder under /tmp";
    path_ = name;
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// NAME.crt and NAME.key in the folder, self-signed for `host`; `key` is openssl's -newkey.
inline void make_certificate(const TestFolder& folder, const std::string& name,
                             const std::string& host,
                             const std::string& key = "ec -pkeyopt ec_paramgen_curve:prime256v1") {
  const std::string command =
      "openssl req -x509 -newkey " + key + " -nodes -days 2 -subj /CN=" + host +
      " -addext subjectAltName=DNS:" + host + " -keyout " + folder.file(name + ".key") + " -out " +
      folder.file(name + ".crt") + " 2>" + folder.file("openssl.log");
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  std::filesystem::permissions(folder.file(name + ".key"), std::filesystem::perms::owner_read |
                                                               std::filesystem::perms::owner_write);
}

}  // namespace metadb::tests
