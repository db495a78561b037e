// The process log.
#pragma once

#include <filesystem>
#include <string>

namespace metadb::server {

// Sends spdlog's default logger to the end of `file`, to standard error if it is empty, and to the
// table of the log (log_sink.h), both behind one RepeatFilter: they show the same lines. `level` is
// a value of the setting log.level. Call before threads start. Throws catalog::Error if the file
// can't be opened.
void start_logging(const std::filesystem::path& file, const std::string& level);

// From any thread.
void set_log_level(const std::string& level);
// The same. Says now how often which messages were repeated: the table will be closed.
void tell_repeats();
// The same. Opens the file again by its name, after a rotation; standard error stays what it is.
// Throws catalog::Error if it can't be opened; the log goes on where it went.
void reopen_log();

}  // namespace metadb::server
