// A bar on a terminal, from what a command tells: "120 of 400 rows ...".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace metadb::server {

struct Progress {
  int64_t done = 0;
  int64_t of = 0;
};
// What a message says at its beginning, as "N of M ..."; nullopt if it says no such thing.
std::optional<Progress> progress_in(std::string_view message);

// "[######------]  50 %". `width`: characters between the brackets.
std::string bar_text(const Progress& progress, int width);

// Draws on standard error, if that is a terminal.
class ProgressBar {
 public:
  // False if there is nothing to draw: the message is for the user to read.
  bool show(std::string_view message);
  // Goes on below the bar.
  void finish();

 private:
  bool is_drawn_ = false;
};

}  // namespace metadb::server
