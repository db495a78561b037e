#include "server/repository.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "catalog/external_sql.h"
#include "server/child_process.h"

namespace metadb::server {
namespace {

namespace fs = std::filesystem;
using catalog::Error;

// Beside the files: names, lengths.
constexpr size_t kAnswerBytesMax = kSqlBytesMax + (size_t{4} << 20);

void put(std::string& out, std::string_view text) {
  out += fmt::format("{}:", text.size());
  out += text;
}

// Hands out strings as put() wrote them; nullopt: there is none.
class Strings {
 public:
  explicit Strings(std::string_view text) : rest_(text) {}

  std::optional<std::string> next() {
    size_t size = 0;
    const auto [end, problem] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), size);
    if (problem != std::errc() || end == rest_.data() + rest_.size() || *end != ':') {
      return std::nullopt;
    }
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()) + 1);
    if (size > rest_.size()) return std::nullopt;
    std::string out(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return out;
  }
  [[nodiscard]] bool is_at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// The next `count` strings; nullopt: there are fewer.
template <size_t count>
std::optional<std::array<std::string, count>> take(Strings& strings) {
  std::array<std::string, count> out;
  for (std::string& each : out) {
    auto next = strings.next();
    if (!next) return std::nullopt;
    each = std::move(*next);
  }
  return out;
}

// A folder that goes with it, whatever became of the child.
class FetchFolder {
 public:
  explicit FetchFolder(const fs::path& parent) {
    std::error_code problem;
    fs::create_directories(parent, problem);
    std::string name = (parent / "fetch-XXXXXX").string();
    if (problem || mkdtemp(name.data()) == nullptr) {
      throw Error("58030", fmt::format("no folder can be made in {}: {}", parent.string(),
                                       problem ? problem.message() : std::strerror(errno)));
    }
    path_ = name;
  }
  ~FetchFolder() {
    std::error_code problem;
    fs::remove_all(path_, problem);
    if (problem) spdlog::warn("{} could not be removed: {}", path_.string(), problem.message());
  }
  FetchFolder(const FetchFolder&) = delete;
  FetchFolder& operator=(const FetchFolder&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

Error failed(const RepositoryPlace& place, std::string_view sqlstate, const std::string& why) {
  return Error(sqlstate, fmt::format("{} cannot be fetched: {}",
                                     catalog::without_credentials(place.url), why));
}

}  // namespace

std::string encode(const FetchRequest& request) {
  std::string out;
  for (const std::string& text :
       {request.place.url, request.place.ref, request.place.path, request.directory,
        std::to_string(request.timeout_s), std::to_string(request.memory_bytes_max)}) {
    put(out, text);
  }
  return out;
}

std::optional<FetchRequest> decode_request(std::string_view text) {
  Strings strings(text);
  const auto fields = take<6>(strings);
  if (!fields || !strings.is_at_end()) return std::nullopt;
  FetchRequest out{{(*fields)[0], (*fields)[1], (*fields)[2]}, (*fields)[3], 0, 0};
  const std::string& seconds = (*fields)[4];
  std::from_chars(seconds.data(), seconds.data() + seconds.size(), out.timeout_s);
  const std::string& bytes = (*fields)[5];
  std::from_chars(bytes.data(), bytes.data() + bytes.size(), out.memory_bytes_max);
  return out;
}

std::string encode(const FetchAnswer& answer) {
  std::string out;
  if (const auto* error = std::get_if<Error>(&answer)) {
    for (const std::string& text :
         {std::string("error"), error->sqlstate, error->message(), error->hint}) {
      put(out, text);
    }
    return out;
  }
  const auto& repository = std::get<Repository>(answer);
  put(out, "files");
  put(out, repository.commit);
  for (const RepositoryFile& file : repository.files) {
    put(out, file.name);
    put(out, file.problem);
    put(out, file.text);
  }
  return out;
}

std::optional<FetchAnswer> decode_answer(std::string_view text) {
  Strings strings(text);
  const auto kind = strings.next();
  if (kind == "error") {
    const auto fields = take<3>(strings);
    if (!fields || !strings.is_at_end()) return std::nullopt;
    return Error((*fields)[0], (*fields)[1]).with_hint((*fields)[2]);
  }
  const auto commit = strings.next();
  if (kind != "files" || !commit) return std::nullopt;
  Repository out{*commit, {}};
  while (!strings.is_at_end()) {
    auto fields = take<3>(strings);
    if (!fields) return std::nullopt;
    out.files.push_back(
        {std::move((*fields)[0]), std::move((*fields)[1]), std::move((*fields)[2])});
  }
  return out;
}

Repository fetch_repository(const RepositoryPlace& place, const FetchOptions& options,
                            const std::stop_token& stop) {
  const FetchFolder folder(options.directory);
  ChildCommand command;
  command.command = {options.program.string(), "fetch-repository"};
  constexpr int64_t kGrace_s = 5;
  const auto timeout_s = std::chrono::duration_cast<std::chrono::seconds>(options.timeout).count();
  command.input = encode(
      FetchRequest{place, folder.path().string(), timeout_s + kGrace_s, options.memory_bytes_max});
  const BoundedResult result = run_child(command, {options.timeout, kAnswerBytesMax, stop});
  switch (result.end) {
    case ChildEnd::stopped:
      throw Error("57014", "canceling statement due to user request");
    case ChildEnd::timed_out:
      throw failed(place, "57014", fmt::format("it took longer than {} s", timeout_s));
    case ChildEnd::said_too_much:
      throw failed(place, "54000", "it has more SQL than can be taken");
    case ChildEnd::ended:
      break;
  }
  auto answer = decode_answer(result.output);
  if (!answer) {
    throw failed(place, "58030",
                 fmt::format("the program that does it ended with code {}", result.exit_code));
  }
  if (const auto* error = std::get_if<Error>(&*answer)) {
    throw failed(place, error->sqlstate, error->message()).with_hint(error->hint);
  }
  return std::get<Repository>(std::move(*answer));
}

}  // namespace metadb::server
