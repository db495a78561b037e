// The commands of the program, behind the command line: each returns the exit code, 0 or 1, and
// throws catalog::Error for what main prints as one line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace metadb::server {

struct InitOptions {
  std::filesystem::path directory;
  std::string conninfo;  // empty: a private PostgreSQL
};

struct StartOptions {
  std::filesystem::path directory;
  std::optional<std::filesystem::path> log;
  std::optional<uint16_t> port;
  std::vector<std::string> listen_addresses;
  bool is_debug = false;
  std::optional<double> memory_limit_gib;
};

int init(const InitOptions& options);
int start(const StartOptions& options);
int stop(const std::filesystem::path& directory);
int status(const std::filesystem::path& directory);

}  // namespace metadb::server
