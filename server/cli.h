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

struct StatusOptions {
  std::filesystem::path directory;
  bool is_watched = false;  // again and again, until the process is told to end
};

struct SyncOptions {
  std::filesystem::path directory;
  std::string source;
  bool is_forced = false;                 // does not ask before it begins
  bool is_sweep_forced = false;           // endsync: nor whether that many rows have gone
  std::vector<std::string> sweep_tables;  // endsync: as SQL names them
};

int init(const InitOptions& options);
int start(const StartOptions& options);
int stop(const std::filesystem::path& directory);
int status(const StatusOptions& options);
// With the server that runs there, or without one.
int sync(const SyncOptions& options);
int endsync(const SyncOptions& options);

}  // namespace metadb::server
