#include <fmt/format.h>

#include <csignal>
#include <cstdio>

#include "catalog/error.h"
#include "server/child_process.h"
#include "server/cli.h"
#include "server/data_directory.h"

namespace metadb::server {
namespace {

// The server's own bounds for its parts are shorter.
constexpr int kServerStopTimeoutMs = 180'000;

// What the directory says is its owner's word: root would signal any process for it.
std::optional<RunningServer> server_in(const DataDirectory& directory) {
  drop_privileges(directory.owner());
  auto server = running_server(directory);
  if (!server) {
    fmt::print(stderr, "metadb: no server runs in {}\n", directory.path().string());
  }
  return server;
}

}  // namespace

int stop(const std::filesystem::path& path) {
  const auto directory = DataDirectory::open(path);
  const auto server = server_in(directory);
  if (!server) return 1;
  const Descriptor process = open_process(server->pid);
  if (process) {
    send_signal(process.get(), SIGTERM);
    if (!wait_for_end(process.get(), kServerStopTimeoutMs)) {
      throw catalog::Error("57014", fmt::format("process {} was asked to stop and has not ended in "
                                                "{} s",
                                                server->pid, kServerStopTimeoutMs / 1000));
    }
  }
  fmt::print("metadb (process {}) has stopped\n", server->pid);
  return 0;
}

}  // namespace metadb::server
