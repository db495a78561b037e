// The files of a Git repository that external SQL runs.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "catalog/error.h"

namespace metadb::server {

// Where they are.
struct RepositoryPlace {
  std::string url;
  std::string ref;   // tag, branch, full reference or commit
  std::string path;  // of the folder with runlist.txt, from the root of the repository
};

struct RepositoryFile {
  std::string name;     // as runlist.txt has it
  std::string problem;  // why it cannot be run; empty: nothing
  std::string text;
};

struct Repository {
  std::string commit;                 // 40 hexadecimal digits
  std::vector<RepositoryFile> files;  // in the order of runlist.txt
};

// What a repository may take.
inline constexpr size_t kFetchedBytesMax = size_t{256} << 20;
inline constexpr size_t kSqlFileBytesMax = size_t{4} << 20;
inline constexpr size_t kSqlFilesMax = 1000;
inline constexpr size_t kSqlBytesMax = size_t{32} << 20;  // of all files

struct FetchOptions {
  std::filesystem::path program = "/proc/self/exe";  // the metadb that is run as the child
  std::filesystem::path directory;  // a folder is made in it, and removed; made if it is not there
  std::chrono::milliseconds timeout{600'000};
  size_t memory_bytes_max = size_t{1} << 30;  // that the child may take for itself
};

// Fetches in a child process: libgit2 blocks where nobody can reach it, and reads what strangers
// wrote. A child is killed at once, and what happens to it does not happen to the server.
// Throws catalog::Error: 42704 no such reference, 58P01 no such folder or no runlist.txt, 54000
// beyond a bound, 53200 beyond that of its memory, 57014 stopped or out of time, 58030 anything
// else. No message shows what the URL says before its host.
Repository fetch_repository(const RepositoryPlace& place, const FetchOptions& options,
                            const std::stop_token& stop);

// What passes between the server and the child: strings with their lengths.
struct FetchRequest {
  RepositoryPlace place;
  std::string directory;  // empty, for the child to fetch into
  int64_t timeout_s = 0;  // after which the child ends by itself
  size_t memory_bytes_max = 0;
};
using FetchAnswer = std::variant<Repository, catalog::Error>;
std::string encode(const FetchRequest& request);
std::string encode(const FetchAnswer& answer);
// nullopt: it is none.
std::optional<FetchRequest> decode_request(std::string_view text);
std::optional<FetchAnswer> decode_answer(std::string_view text);

}  // namespace metadb::server
