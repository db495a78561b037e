#include "server/git_fetch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <git2.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <new>
#include <sstream>

#include "catalog/external_sql.h"

namespace metadb::server {
namespace {

using catalog::Error;

template <class T>
using Handle = std::unique_ptr<T, void (*)(T*)>;

constexpr const char* kRunlist = "runlist.txt";
constexpr const char* kWanted = "refs/metadb/wanted";

// The message may name the URL as it is, or a part of it.
std::string without_secret(std::string text, const std::string& url) {
  if (catalog::without_credentials(url) == url) return text;
  const size_t begin = url.find("://") + 3;
  // As long as what is hidden there.
  const std::string shown = catalog::without_credentials(url);
  const std::string secret =
      url.substr(begin, url.size() - begin - (shown.size() - shown.find("********") - 8));
  const size_t colon = secret.find(':');
  const std::string password = colon == std::string::npos ? "" : secret.substr(colon + 1);
  for (const std::string& hidden : {secret, password}) {
    if (hidden.empty()) continue;
    for (size_t at = text.find(hidden); at != std::string::npos; at = text.find(hidden, at)) {
      text.replace(at, hidden.size(), "********");
      at += 8;
    }
  }
  return text;
}

void check(int result, const std::string& doing) {
  if (result >= 0) return;
  const git_error* error = git_error_last();
  if (error != nullptr && error->klass == GIT_ERROR_NOMEMORY) throw std::bad_alloc();
  throw Error("58030", fmt::format("{}: {}", doing,
                                   error == nullptr ? "for an unknown reason" : error->message));
}

// libgit2's functions that make something take its address first.
template <class T, class Make>
Handle<T> made(void (*destroy)(T*), const std::string& doing, const Make& make) {
  T* raw = nullptr;
  check(make(&raw), doing);
  return Handle<T>(raw, destroy);
}

// The authorities that https is checked against: those of the environment, as for Kafka.
void choose_authorities() {
  const char* file = std::getenv("SSL_CERT_FILE");
  const char* folder = std::getenv("SSL_CERT_DIR");
  constexpr const char* kDebian = "/etc/ssl/certs/ca-certificates.crt";
  if (file == nullptr && folder == nullptr && access(kDebian, R_OK) == 0) file = kDebian;
  if (file == nullptr && folder == nullptr) return;
  check(git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, file, folder),
        "the certificates of authorities");
}

// The library, for as long as it lives. It reads no configuration of the machine or of an account,
// which could lead a URL elsewhere; a repository of another account may be read, since nothing in
// it is run.
class Library {
 public:
  Library() {
    git_libgit2_init();
    for (const int level : {GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_GLOBAL, GIT_CONFIG_LEVEL_XDG,
                            GIT_CONFIG_LEVEL_PROGRAMDATA}) {
      check(git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, ""), "the configuration");
    }
    check(git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0), "the configuration");
    choose_authorities();
  }
  ~Library() { git_libgit2_shutdown(); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
};

int stop_beyond_bound(const git_indexer_progress* progress, void* is_beyond) {
  if (progress->received_bytes <= kFetchedBytesMax) return 0;
  *static_cast<bool*>(is_beyond) = true;
  return GIT_EUSER;
}

bool is_commit_name(const std::string& ref) {
  constexpr size_t kShortest = 7;
  constexpr size_t kFull = 40;
  return ref.size() >= kShortest && ref.size() <= kFull &&
         ref.find_first_not_of("0123456789abcdef") == std::string::npos;
}

class Fetch {
 public:
  explicit Fetch(const FetchRequest& request)
      : place_(request.place),
        repository_(made<git_repository>(
            &git_repository_free, "a repository",
            [&](auto** out) { return git_repository_init(out, request.directory.c_str(), 1); })),
        remote_(made<git_remote>(&git_remote_free, "the URL", [&](auto** out) {
          return git_remote_create_anonymous(out, repository_.get(), place_.url.c_str());
        })) {}

  Handle<git_commit> commit() {
    if (const auto name = advertised()) {
      fetch({"+" + *name + ":" + kWanted});
      return commit_of(kWanted);
    }
    if (!is_commit_name(place_.ref)) throw no_such_reference();
    fetch({"+refs/heads/*:refs/metadb/heads/*", "+refs/tags/*:refs/metadb/tags/*"});
    return commit_of(place_.ref);
  }
  [[nodiscard]] git_repository* repository() const { return repository_.get(); }

 private:
  Error no_such_reference() const {
    return Error("42704", fmt::format("it has no reference \"{}\"", place_.ref))
        .with_hint(
            "Expected is a tag, a branch, a full reference such as refs/tags/v1.8.0, or a "
            "commit of one of them.");
  }

  // The full name of the reference that is wanted; nullopt: there is none.
  std::optional<std::string> advertised() {
    git_remote_callbacks callbacks = GIT_REMOTE_CALLBACKS_INIT;
    git_proxy_options proxy = GIT_PROXY_OPTIONS_INIT;
    proxy.type = GIT_PROXY_AUTO;
    check(git_remote_connect(remote_.get(), GIT_DIRECTION_FETCH, &callbacks, &proxy, nullptr),
          "no connection");
    const git_remote_head** heads = nullptr;
    size_t count = 0;
    check(git_remote_ls(&heads, &count, remote_.get()), "its references");
    std::vector<std::string> names;
    for (size_t i = 0; i < count; ++i) names.emplace_back(heads[i]->name);
    git_remote_disconnect(remote_.get());
    for (const char* prefix : {"", "refs/tags/", "refs/heads/", "refs/"}) {
      const std::string name = prefix + place_.ref;
      if (std::ranges::find(names, name) != names.end()) return name;
    }
    return std::nullopt;
  }

  void fetch(std::vector<std::string> refspecs) {
    bool is_beyond = false;
    git_fetch_options options = GIT_FETCH_OPTIONS_INIT;
    options.callbacks.transfer_progress = &stop_beyond_bound;
    options.callbacks.payload = &is_beyond;
    options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
    options.proxy_opts.type = GIT_PROXY_AUTO;
#if LIBGIT2_VER_MAJOR > 1 || LIBGIT2_VER_MINOR >= 7
    if (place_.url.starts_with("https:") && refspecs.size() == 1) options.depth = 1;
#endif
    std::vector<char*> pointers;
    for (std::string& refspec : refspecs) pointers.push_back(refspec.data());
    const git_strarray wanted{pointers.data(), pointers.size()};
    const int result = git_remote_fetch(remote_.get(), &wanted, &options, nullptr);
    if (is_beyond) {
      throw Error("54000", fmt::format("it has more than {} MiB", kFetchedBytesMax >> 20));
    }
    check(result, "its objects");
  }

  Handle<git_commit> commit_of(const std::string& name) {
    git_object* raw = nullptr;
    if (git_revparse_single(&raw, repository_.get(), name.c_str()) < 0) throw no_such_reference();
    const Handle<git_object> object(raw, &git_object_free);
    return made<git_commit>(&git_commit_free, fmt::format("\"{}\" is no commit", place_.ref),
                            [&](auto** out) {
                              return git_object_peel(reinterpret_cast<git_object**>(out),
                                                     object.get(), GIT_OBJECT_COMMIT);
                            });
  }

  const RepositoryPlace& place_;
  Handle<git_repository> repository_;
  Handle<git_remote> remote_;
};

// A path that a tree can have: names with one slash between, none of them leading elsewhere.
bool is_inside(const std::string& path) {
  std::istringstream parts(path);
  for (std::string part; std::getline(parts, part, '/');) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return !path.empty() && !path.ends_with('/');
}

// Either the file's text or, as a problem, why there is none.
RepositoryFile read(git_repository* repository, const git_tree* tree, const std::string& name) {
  RepositoryFile out{name, {}, {}};
  const auto refused = [&](std::string why) {
    out.problem = std::move(why);
    return out;
  };
  if (!is_inside(name)) return refused("its path leads out of the folder");
  git_tree_entry* raw = nullptr;
  if (git_tree_entry_bypath(&raw, tree, name.c_str()) < 0) return refused("there is no such file");
  const Handle<git_tree_entry> entry(raw, &git_tree_entry_free);
  const git_filemode_t mode = git_tree_entry_filemode(entry.get());
  if (mode == GIT_FILEMODE_LINK) return refused("it is a symbolic link");
  if (mode != GIT_FILEMODE_BLOB && mode != GIT_FILEMODE_BLOB_EXECUTABLE) {
    return refused("it is no file");
  }
  // The size stands in front of the object: nothing is unpacked to learn it.
  const auto odb = made<git_odb>(&git_odb_free, "its objects",
                                 [&](auto** to) { return git_repository_odb(to, repository); });
  size_t size = 0;
  git_object_t type = GIT_OBJECT_INVALID;
  check(git_odb_read_header(&size, &type, odb.get(), git_tree_entry_id(entry.get())), name);
  if (size > kSqlFileBytesMax) {
    return refused(fmt::format("it has more than {} MiB", kSqlFileBytesMax >> 20));
  }
  const auto blob = made<git_blob>(&git_blob_free, name, [&](auto** to) {
    return git_blob_lookup(to, repository, git_tree_entry_id(entry.get()));
  });
  out.text.assign(static_cast<const char*>(git_blob_rawcontent(blob.get())),
                  static_cast<size_t>(git_blob_rawsize(blob.get())));
  if (out.text.find('\0') != std::string::npos) {
    out.text.clear();
    return refused("it holds a zero byte: it is no text");
  }
  return out;
}

Handle<git_tree> folder_of(git_repository* repository, git_commit* commit,
                           const std::string& path) {
  auto root = made<git_tree>(&git_tree_free, "its files",
                             [&](auto** out) { return git_commit_tree(out, commit); });
  if (path.empty()) return root;
  const Error missing("58P01", fmt::format("it has no folder \"{}\"", path));
  git_tree_entry* raw = nullptr;
  if (!is_inside(path) || git_tree_entry_bypath(&raw, root.get(), path.c_str()) < 0) throw missing;
  const Handle<git_tree_entry> entry(raw, &git_tree_entry_free);
  if (git_tree_entry_type(entry.get()) != GIT_OBJECT_TREE) throw missing;
  return made<git_tree>(&git_tree_free, "its files", [&](auto** out) {
    return git_tree_lookup(out, repository, git_tree_entry_id(entry.get()));
  });
}

// One name a line; blanks around it and empty lines do not count.
std::vector<std::string> names_in(const std::string& runlist) {
  constexpr const char* kBlanks = " \t\r\f\v";
  std::vector<std::string> names;
  std::istringstream lines(runlist);
  for (std::string line; std::getline(lines, line);) {
    const size_t begin = line.find_first_not_of(kBlanks);
    if (begin == std::string::npos) continue;
    names.push_back(line.substr(begin, line.find_last_not_of(kBlanks) + 1 - begin));
  }
  return names;
}

// A folder's name with slashes around it is the same folder; so is ".".
std::string trimmed(std::string path) {
  while (path.ends_with('/')) path.pop_back();
  while (path.starts_with('/')) path.erase(0, 1);
  return path == "." ? "" : path;
}

std::string all_input() {
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got > 0) text.append(buffer.data(), static_cast<size_t>(got));
    if (got == 0 || (got < 0 && errno != EINTR)) return text;
  }
}

bool write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(STDOUT_FILENO, text.data(), text.size());
    if (put < 0 && errno != EINTR) return false;
    if (put > 0) text.remove_prefix(static_cast<size_t>(put));
  }
  return true;
}

// Its parent kills it in time; if the parent is gone, this ends it. What goes to standard error
// would stand in the middle of the answer.
void bound_this_process(const FetchRequest& request) {
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null >= 0) dup2(null, STDERR_FILENO);
  alarm(static_cast<unsigned>(request.timeout_s));
  const rlimit file_size{2 * kFetchedBytesMax, 2 * kFetchedBytesMax};
  setrlimit(RLIMIT_FSIZE, &file_size);
  // The shadow memory of the sanitizers counts here, and is beyond every bound.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const rlimit memory{request.memory_bytes_max, request.memory_bytes_max};
  setrlimit(RLIMIT_DATA, &memory);
#endif
}

FetchAnswer answer(const FetchRequest& request) {
  try {
    return fetch(request);
  } catch (const Error& error) {
    return Error(error.sqlstate, without_secret(error.message(), request.place.url))
        .with_hint(error.hint);
  } catch (const std::bad_alloc&) {
    return Error("53200", fmt::format("it needs more than {} MiB of memory",
                                      request.memory_bytes_max >> 20));
  } catch (const std::exception& error) {
    return Error("58030", without_secret(error.what(), request.place.url));
  }
}

}  // namespace

Repository fetch(const FetchRequest& request) {
  const Library library;
  Fetch fetching(request);
  const auto commit = fetching.commit();
  const std::string path = trimmed(request.place.path);
  const auto tree = folder_of(fetching.repository(), commit.get(), path);
  const RepositoryFile runlist = read(fetching.repository(), tree.get(), kRunlist);
  if (!runlist.problem.empty()) {
    throw Error("58P01", fmt::format("{}{}{}: {}", path, path.empty() ? "" : "/", kRunlist,
                                     runlist.problem));
  }
  Repository out;
  std::array<char, 65> name{};  // 64 digits where objects have SHA-256 names
  out.commit = git_oid_tostr(name.data(), name.size(), git_commit_id(commit.get()));
  size_t bytes = 0;
  for (const std::string& file : names_in(runlist.text)) {
    out.files.push_back(read(fetching.repository(), tree.get(), file));
    bytes += out.files.back().text.size();
    if (out.files.size() > kSqlFilesMax || bytes > kSqlBytesMax) {
      throw Error("54000", fmt::format("{} lists more than {} files or {} MiB", kRunlist,
                                       kSqlFilesMax, kSqlBytesMax >> 20));
    }
  }
  return out;
}

int fetch_as_child() {
  const auto request = decode_request(all_input());
  if (!request) return 2;
  bound_this_process(*request);
  return write_all(encode(answer(*request))) ? 0 : 1;
}

}  // namespace metadb::server
