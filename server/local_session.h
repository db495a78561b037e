// How the program's own commands reach the catalog of a data directory: through the server that
// runs there, else by its database itself.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "server/commands/command.h"
#include "server/data_directory.h"

namespace metadb::server {

// As the system user. Used by one thread. Throws catalog::Error for what the statement fails with.
class LocalSession {
 public:
  using Rows = std::vector<std::vector<std::optional<std::string>>>;
  struct Table {
    std::vector<std::string> columns;
    Rows rows;
  };

  virtual ~LocalSession() = default;
  // One command of the dialect, or with a server any statement.
  virtual Table run(const std::string& statement) = 0;

  // What the commands tell meanwhile.
  using Listener = std::function<void(const Notice&)>;
  // Through the server that runs in the directory, if there is one. Without one, the directory is
  // locked and a private PostgreSQL runs until the end of the object; `stop` ends the wait for it
  // and the command. The process must be the directory's owner by now.
  // Throws catalog::Error if neither answers.
  static std::unique_ptr<LocalSession> open(const DataDirectory& directory, Listener listener,
                                            std::stop_token stop);
  // nullptr: no server runs there.
  static std::unique_ptr<LocalSession> with_server(const DataDirectory& directory,
                                                   Listener listener, const std::stop_token& stop);
};

}  // namespace metadb::server
